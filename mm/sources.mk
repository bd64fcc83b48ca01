# The sources of the allocator, relative to this folder: every build reads this list.
# Include paths: mm/include, mm/internal, and the host's folder with <mm_host.h>.
MM_SOURCES := \
	shuffle.c memmap.c bootmem.c page.c buddy.c zone.c page_list.c migrate.c compact.c highmem.c gfp.c page_alloc.c exact.c \
	shrinker.c reclaim.c slab.c slab_map.c magazine.c kmem_cache.c bulk.c window.c kmalloc.c vmalloc.c kvmalloc.c \
	mempool.c nolock.c init.c \
	debug/format.c debug/report.c debug/late.c debug/track.c debug/fault_hook.c debug/guard_hook.c debug/slab_debug.c debug/slab_debug_option.c debug/pointer.c debug/check_buddy.c debug/check_page_list.c debug/check_slab.c debug/check_window.c \
	debug/check.c \
	debug/show.c debug/fault.c debug/guard.c debug/leak.c debug/leak_scan.c debug/leak_sites.c debug/access.c \
	debug/port_default.c
