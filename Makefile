# SPDX-License-Identifier: MIT
#
# Quarry: a multiboot i686 kernel around a memory allocator.
#
#	boot/ kernel/ drivers/	the machine			\
#	mm/			the allocator, a library	 +-> build/quarry.elf -> build/quarry.iso
#	tests/			harness and tests		/
#
#	mm/ + tests/{harness,unit,host}	-> build/host/VARIANT/unit: the same allocator
#					   and the same tests as ordinary programs
#	mm/ + tests/threads	-> build/host/threads*/unit: the allocator in many threads
#	mm/ + tests/interleave	-> build/host/interleave/unit: in a few, in every order
#
# Everything made lies under build/.  `make help` lists the targets; `make V=1`
# shows the commands; CONTRIBUTING.md tells how to work with it all.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

MAKEFLAGS += --no-builtin-rules --no-print-directory
# One job for each CPU, unless the command line says something else.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif

# Quiet by default: `$(call say,CC,file)` is one line, V=1 shows the command instead.
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' '$1' '$2')

# Text as one shell word, whatever it contains.
quote = '$(subst ','\'',$1)'

BUILD := build

# The same commit makes the same bytes: no clock, no path of this machine.
# Without a history: 1980, because the file systems in the ISO know no earlier year.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)
export LC_ALL := C

# --- Tools -------------------------------------------------------------------

CROSS_COMPILE := i686-linux-gnu-
TOOLCHAIN     := gcc
ifeq ($(TOOLCHAIN),clang)
CC := clang --target=i686-elf
else
CC := $(CROSS_COMPILE)gcc
endif
LD      := $(CROSS_COMPILE)ld
NM      := $(CROSS_COMPILE)nm
STRIP   := $(CROSS_COMPILE)strip
OBJCOPY := $(CROSS_COMPILE)objcopy
# The compiler's run-time library: 64-bit division and shifts.
LIBGCC  = $(shell $(CROSS_COMPILE)gcc -print-libgcc-file-name)

# --- Sources -----------------------------------------------------------------

-include mm/sources.mk
MM_SRC := $(addprefix mm/,$(MM_SOURCES))

KERNEL_SRC := $(wildcard boot/*.S boot/*.c kernel/*.S kernel/*.c kernel/port/*.c drivers/*.c) \
	$(MM_SRC) \
	$(wildcard tests/harness/*.c tests/unit/*.c tests/replay/*.c tests/kernel/*.c tests/bench/*.c tests/bench/kernel/*.c)

HOST_SRC := $(MM_SRC) kernel/cmdline.c \
	$(wildcard tests/harness/*.c tests/unit/*.c tests/replay/*.c tests/host/*.c)

# The same machine made up of a memfd, but for many threads.
THREADS_SRC := $(MM_SRC) kernel/cmdline.c tests/unit/live.c \
	$(addprefix tests/host/,main.c arena.c window.c lock_order.c) $(wildcard tests/harness/*.c tests/threads/*.c)

# And for threads that take turns in every order.
INTERLEAVE_SRC := $(MM_SRC) kernel/cmdline.c tests/unit/live.c \
	$(addprefix tests/host/,main.c arena.c window.c lock_order.c) $(wildcard tests/harness/*.c tests/interleave/*.c)

include tests/coverage/coverage.mk

# --- Flags -------------------------------------------------------------------

# Who may include what, by the directory at the top: the kernel sees mm's public
# headers only, tests see everything.  mm/ includes nothing but itself and its host's
# <mm_host.h>, from kernel/port or tests/host; that header may need others of its host's, so
# they are on the path, and `make check-layers` sees that mm/ itself takes none of them.
INCLUDES.mm      := -Imm/include -Imm/internal
INCLUDES.boot    := -Imm/include
INCLUDES.kernel  := -Imm/include
INCLUDES.drivers := -Imm/include
INCLUDES.tests   := -Imm/include -Imm/internal -Itests -Itests/harness
includes = $(INCLUDES.$(firstword $(subst /, ,$1)))

KERNEL_INCLUDES := -Ikernel/port -Iboot/include -Ikernel/include -Idrivers/include -Itests/bench/kernel -Itests/bench
HOST_INCLUDES   := -Itests/host -Ikernel/include
THREADS_INCLUDES := -Itests/threads $(HOST_INCLUDES)
INTERLEAVE_INCLUDES := $(THREADS_INCLUDES)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wdate-time -Werror

COMMON_FLAGS := -std=gnu11 -g -fno-omit-frame-pointer -ffile-prefix-map=$(CURDIR)=. $(WARNINGS) $(EXTRA_CFLAGS)

# -fno-pic and -fno-pie: linked at one address, no table of offsets.
# -fno-stack-protector, -fcf-protection=none: both need run-time support.
# -mno-sse -mno-mmx -mno-80387: interrupt entry does not save these registers.
# -fno-omit-frame-pointer, above: backtraces follow the frame pointers.
KERNEL_FLAGS := -march=i686 -mtune=generic -m32 -O2 -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none -mno-sse -mno-mmx -mno-80387

# LOCK_ORDER=1: a kernel that watches how its spinlocks are used (kernel/lock_order.c).
KERNEL_FLAGS += $(if $(filter-out 0,$(LOCK_ORDER)),-DLOCK_ORDER)

# KASAN=1: a kernel that checks each access to memory (kernel/kasan.c).  The shadow of address a is at
# a / 8 + KASAN_OFFSET, which is SHADOW_START of kernel/layout.h less KERNEL_BASE / 8.
# KASAN_FREE: files that read what nobody else may, or run before there is a shadow.
KASAN_OFFSET := 0xA8600000
KASAN_FREE   := boot/%.c kernel/kasan.c kernel/string.c kernel/paging.c kernel/stack.c mm/debug/slab_debug.c mm/debug/report.c mm/debug/leak_scan.c tests/user/%.c
KASAN_FLAGS  := -fsanitize=kernel-address -fasan-shadow-offset=$(KASAN_OFFSET) --param asan-globals=1 --param asan-stack=1 \
	--param asan-instrumentation-with-call-threshold=0 -fsanitize-address-use-after-scope -include kernel/include/kernel/kasan_string.h

# UBSAN=1: a kernel that notices undefined behaviour (kernel/ubsan.c).
UBSAN_FREE  := boot/%.c kernel/ubsan.c kernel/kasan.c tests/user/%.c
UBSAN_FLAGS := -fsanitize=undefined

sanitizers = $(strip $(foreach s,KASAN UBSAN,$(if $(filter-out 0,$($(s))),$(s))))
KERNEL_FLAGS += $(sanitizers:%=-D%)
sanitize = $(foreach s,$(sanitizers),$(if $(filter $($(s)_FREE) %.S,$1),,$($(s)_FLAGS)))

KERNEL_LDFLAGS := -m elf_i386 -nostdlib -static --build-id=none -z noexecstack -z max-page-size=4096 \
	--no-warn-rwx-segments --fatal-warnings

# --- Rebuilding when flags change ----------------------------------------------

# $(BUILD)/flags/NAME holds the command that its objects were made with.  It is
# looked at in every run, and rewritten only if something in it changed.
define flags_file
$(BUILD)/flags/$1: FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' $$(call quote,$2) | cmp -s - $$@ || printf '%s\n' $$(call quote,$2) > $$@
endef

.PHONY: FORCE
FORCE:

# --- User programs ---------------------------------------------------------------

# Each file of tests/user is a program of its own: compiled and linked, made a flat image, and
# that a read-only part of the kernel, between _binary_NAME_start and _binary_NAME_end.
USER_PROGRAMS := $(patsubst tests/user/%.c,%,$(wildcard tests/user/*.c))
USER_SRC      := $(USER_PROGRAMS:%=tests/user/%.c) tests/user/start.S
USER_OBJ      := $(USER_SRC:%=$(BUILD)/kernel/%.o)

$(BUILD)/user/user.ld: tests/user/user.ld $(BUILD)/flags/kernel
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -x assembler-with-cpp $(KERNEL_INCLUDES) -MMD -MP -MT $@ -o $@ $<

-include $(BUILD)/user/user.d $(USER_OBJ:.o=.d)

# Not to be removed as mere steps on the way.
.SECONDARY: $(USER_OBJ) $(USER_PROGRAMS:%=$(BUILD)/user/%.elf)

$(BUILD)/user/%.elf: $(BUILD)/kernel/tests/user/%.c.o $(BUILD)/kernel/tests/user/start.S.o $(BUILD)/user/user.ld
	$(call say,LD,$@)
	$(Q)$(LD) $(KERNEL_LDFLAGS) -T $(BUILD)/user/user.ld -e start -o $@ $(filter %.o,$^)

$(BUILD)/user/%.o: $(BUILD)/user/%.elf
	$(Q)$(OBJCOPY) -O binary $< $(@D)/$*
	$(Q)cd $(@D) && $(OBJCOPY) -I binary -O elf32-i386 -B i386 \
		--rename-section .data=.rodata,alloc,load,readonly,data,contents $* $(@F)

# --- The kernel ----------------------------------------------------------------

KERNEL_OBJ := $(KERNEL_SRC:%=$(BUILD)/kernel/%.o) $(USER_PROGRAMS:%=$(BUILD)/user/%.o)

# Functions of mm/ that call none need no frame: the hot ones are such.
FLAGS.mm := -momit-leaf-frame-pointer $(COVERAGE_FLAGS)

# The tests are most of the image, and GRUB must load it where there are 4 MiB; what measures
# is compiled as what is measured.
FLAGS.tests = $(if $(filter tests/bench/%,$1),-O2,-Os)

# `irqsave`: mm's fast paths as on a host that does not own its interrupt entry.  Sanitizers see into them.
FAST_PATH ?= $(if $(sanitizers),irqsave,restart)
FLAGS.irqsave := -DFAST_PATH_IRQSAVE
KERNEL_FLAGS += $(FLAGS.$(FAST_PATH))

# The whole command for a source but its output; also for compile_commands.json.
kernel_cc = $(CC) $(COMMON_FLAGS) $(KERNEL_FLAGS) $(call sanitize,$1) $(FLAGS.$(firstword $(subst /, ,$1))) $(call includes,$1) $(KERNEL_INCLUDES) -c $1

$(eval $(call flags_file,kernel,$(CC) $(COMMON_FLAGS) $(KERNEL_FLAGS) $(FLAGS.mm) $(FLAGS.tests)))
$(eval $(call flags_file,link,$(LD) $(KERNEL_LDFLAGS) $(KERNEL_OBJ)))

$(BUILD)/kernel/%.o: % $(BUILD)/flags/kernel
	$(call say,$(if $(filter %.S,$<),AS,CC),$<)
	@mkdir -p $(@D)
	$(Q)$(call kernel_cc,$<) -MMD -MP -o $@

-include $(KERNEL_SRC:%=$(BUILD)/kernel/%.d)

# The linker script takes its addresses from the headers that the code takes them from.
$(BUILD)/kernel/linker.ld: linker.ld $(BUILD)/flags/kernel
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -x assembler-with-cpp $(filter -D%,$(KERNEL_FLAGS)) $(KERNEL_INCLUDES) -MMD -MP -MT $@ -o $@ $<

-include $(BUILD)/kernel/linker.d

# Linked twice: the first pass tells the addresses of all functions, the second
# one takes a table of them along, for backtraces with names.  The table lies
# behind the code, so that the code stays where it was; that is checked.
link = $(LD) $(KERNEL_LDFLAGS) -T $(BUILD)/kernel/linker.ld -o $@ $1 $(LIBGCC)
functions = $(NM) -n $1 | grep -i ' t '

$(BUILD)/kernel/pass1.elf: $(KERNEL_OBJ) $(BUILD)/kernel/linker.ld $(BUILD)/flags/link
	$(call say,LD,$@)
	$(Q)$(call link,$(KERNEL_OBJ))

$(BUILD)/kernel/symbols.S: $(BUILD)/kernel/pass1.elf kernel/symbols.awk
	$(call say,NM,$@)
	$(Q)$(NM) -n $< | awk -f kernel/symbols.awk > $@

$(BUILD)/kernel/symbols.o: $(BUILD)/kernel/symbols.S
	$(Q)$(CC) $(KERNEL_FLAGS) -c -o $@ $<

$(BUILD)/quarry.elf: $(BUILD)/kernel/pass1.elf $(BUILD)/kernel/symbols.o
	$(call say,LD,$@)
	$(Q)$(call link,$(KERNEL_OBJ) $(BUILD)/kernel/symbols.o)
	$(Q)$(call functions,$<) > $(BUILD)/kernel/pass1.functions
	$(Q)$(call functions,$@) | cmp - $(BUILD)/kernel/pass1.functions || \
		{ echo '$@: functions moved between the two links; see linker.ld' >&2; exit 1; }

# All of mm in one object, for the layer check: what it needs, and what it offers.  Compiled
# for the least of hosts, because our kernel's <mm_host.h> brings in symbols of the kernel's.
LEAST_OBJ := $(MM_SRC:%=$(BUILD)/least/%.o)

$(BUILD)/least/%.o: % $(BUILD)/flags/kernel
	$(call say,CC,$< (least host))
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON_FLAGS) $(KERNEL_FLAGS) $(INCLUDES.mm) -Itests/tools/least_host -c $< -MMD -MP -o $@

$(BUILD)/least/mm.o: $(LEAST_OBJ)
	$(call say,LD,$@)
	$(Q)$(LD) -m elf_i386 -r -o $@ $(LEAST_OBJ)

-include $(LEAST_OBJ:.o=.d)

# --- The ISO -----------------------------------------------------------------

# The same kernel makes the same ISO: one date for everything in it that has a date, and a
# fixed number for the FAT file system in it, for which mformat would roll dice.
ISO_DATE    = $(shell date -u -d @$(SOURCE_DATE_EPOCH) +%Y%m%d%H%M%S00)
ISO_OPTIONS = --modification-date=$(ISO_DATE) --set_all_file_dates $(ISO_DATE) \
	--gpt_disk_guid modification-date --hfsplus-serial-no 5155415252590001
FAT_SERIAL := 51554152

# GRUB loads symbols and debug information too, if they are there: a machine of 4 MiB has no room for
# them.  The names that a backtrace needs are in the image itself.
$(BUILD)/quarry.iso: $(BUILD)/quarry.elf $(wildcard iso/*)
	$(call say,ISO,$@)
	$(Q)rm -rf $(BUILD)/iso && mkdir -p $(BUILD)/iso/root/boot/grub $(BUILD)/iso/bin
	$(Q)$(STRIP) --strip-all -o $(BUILD)/iso/root/boot/quarry.elf $<
	$(Q)cp iso/grub.cfg $(BUILD)/iso/root/boot/grub/
	$(Q)printf '#!/bin/sh\nexec %s -N $(FAT_SERIAL) "$$@"\n' "$$(command -v mformat)" > $(BUILD)/iso/bin/mformat
	$(Q)chmod +x $(BUILD)/iso/bin/mformat
	$(Q)PATH="$(CURDIR)/$(BUILD)/iso/bin:$$PATH" grub-mkrescue -o $@ $(BUILD)/iso/root $(ISO_OPTIONS) \
		> $(BUILD)/iso/log 2>&1 || { cat $(BUILD)/iso/log >&2; exit 1; }

# --- Hosted tests --------------------------------------------------------------

# The same mm/ and unit tests as ordinary programs: two compilers, two word sizes,
# with the sanitizers and as the kernel is optimised.
HOST_VARIANTS := gcc64-asan clang64-asan clang32-asan gcc64 gcc32

# mm/ in many threads (tests/threads), with ThreadSanitizer and as the kernel is optimised.
THREADS_VARIANTS := threads-tsan threads

# mm/ with what gcc calls for ThreadSanitizer, and our own functions to be called (tests/interleave).
INTERLEAVE_VARIANTS := interleave

SANITIZE := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all

# 32-bit programs use the cross compiler's libraries; the ones of gcc-multilib cannot be
# installed beside it.
CROSS32 := /usr/i686-linux-gnu
GCC32   = $(dir $(LIBGCC))

HOST_CC.gcc64-asan   = gcc $(SANITIZE)
HOST_CC.clang64-asan = clang $(SANITIZE)
HOST_CC.clang32-asan = clang --target=i686-linux-gnu -isystem $(CROSS32)/include $(SANITIZE)
HOST_CC.gcc64        = gcc -O2
HOST_CC.threads-tsan = gcc -O1 -fsanitize=thread -pthread
HOST_CC.threads      = gcc -O2 -pthread
HOST_CC.interleave   = gcc -O1 -fsanitize=thread
HOST_CC.gcc32        = i686-linux-gnu-gcc -O2 -fsanitize=undefined -fsanitize-undefined-trap-on-error

HOST_LD.clang32-asan = -B$(CROSS32)/lib -L$(CROSS32)/lib -B$(GCC32) -L$(GCC32) \
	-Wl,--dynamic-linker=$(CROSS32)/lib/ld-linux.so.2 -Wl,-rpath,$(CROSS32)/lib
HOST_LD.gcc32        = -static
HOST_LD.interleave   = -fno-sanitize=thread

# $1: the variant.
host_kind     = $(if $(filter $1,$(THREADS_VARIANTS)),THREADS,$(if $(filter $1,$(INTERLEAVE_VARIANTS)),INTERLEAVE,HOST))
host_src      = $($(host_kind)_SRC) $(HOST_EXTRA.$1)
host_includes = $($(host_kind)_INCLUDES)

host_cc = $(HOST_CC.$1) $(COMMON_FLAGS) $(call includes,$2) $(host_includes) -c $2

define host_rules
$(eval $(call flags_file,host-$1,$(HOST_CC.$1) $(COMMON_FLAGS) $(HOST_LD.$1) $(host_src)))

$(BUILD)/host/$1/%.o: % $(BUILD)/flags/host-$1
	$$(call say,CC,$$< ($1))
	@mkdir -p $$(@D)
	$(Q)$$(call host_cc,$1,$$<) -MMD -MP -o $$@

$(BUILD)/host/$1/unit: $(host_src:%=$(BUILD)/host/$1/%.o)
	$$(call say,LD,$$@)
	$(Q)$$(HOST_CC.$1) -o $$@ $$^ $$(HOST_LD.$1)

-include $(host_src:%=$(BUILD)/host/$1/%.d)
endef
$(foreach variant,$(HOST_VARIANTS) $(THREADS_VARIANTS) $(INTERLEAVE_VARIANTS) $(COVERAGE_VARIANTS),$(eval $(call host_rules,$(variant))))

# Recorded workloads, replayed in a process: the unit test program with another main().
REPLAY_SRC := $(filter-out tests/host/%_test.c tests/unit/%_test.c tests/host/main.c tests/host/suites.c,$(HOST_SRC)) \
	tests/replay/host/main.c
REPLAY_VARIANTS := gcc64 gcc32

define replay_rules
$(BUILD)/host/$1/replay: $(REPLAY_SRC:%=$(BUILD)/host/$1/%.o)
	$$(call say,LD,$$@)
	$(Q)$$(HOST_CC.$1) -o $$@ $$^ $$(HOST_LD.$1)

-include $(BUILD)/host/$1/tests/replay/host/main.c.d
endef
$(foreach variant,$(REPLAY_VARIANTS),$(eval $(call replay_rules,$(variant))))

$(BUILD)/host/trace-pack: tests/replay/host/pack.c $(wildcard tests/replay/*.h) $(BUILD)/flags/host-gcc64
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC.gcc64) $(COMMON_FLAGS) -Imm/include -o $@ $<

TRACE_GENERATE_SRC := $(filter-out tests/replay/host/main.c,$(REPLAY_SRC)) tests/replay/host/generate.c

$(BUILD)/host/trace-generate: $(TRACE_GENERATE_SRC:%=$(BUILD)/host/gcc64/%.o)
	$(call say,LD,$@)
	$(Q)$(HOST_CC.gcc64) -o $@ $^

# A small one for the tests.
$(BUILD)/replay/small.trace: $(BUILD)/host/trace-generate $(BUILD)/host/trace-pack
	$(call say,TRACE,$@)
	@mkdir -p $(@D)
	$(Q)$(BUILD)/host/trace-generate 1 30000 > $(@D)/small.txt
	$(Q)$(BUILD)/host/trace-pack < $(@D)/small.txt > $@

REPLAY_PROGRAMS := $(REPLAY_VARIANTS:%=$(BUILD)/host/%/replay) $(BUILD)/host/trace-pack $(BUILD)/host/trace-generate

include tests/fuzz/fuzz.mk

HOST_PROGRAMS := $(patsubst %,$(BUILD)/host/%/unit,$(HOST_VARIANTS) $(THREADS_VARIANTS) $(INTERLEAVE_VARIANTS))

# --- Targets: build ------------------------------------------------------------

# A target that needs tools installs them first (tests/tools/deps.sh), and only then reads
# this file again to build: hence $(MAKE) in its recipe instead of prerequisites.

.PHONY: all run gdb deps help clean

all: $(BUILD)/quarry.elf $(BUILD)/quarry.iso ## build the kernel and the bootable ISO

# Options of `make run` become options of tests/tools/qemu.  X11 has a DISPLAY of its own
# in the environment, so that one counts only when given to make.
option = $(if $($1),--$2=$(call quote,$($1)))
VM_OPTIONS = $(call option,BOOT,boot) $(call option,MEM,mem) $(call option,MACHINE,machine) \
	$(call option,CPU,cpu) $(call option,SMP,smp) $(call option,CMDLINE,cmdline) \
	$(call option,ACCEL,accel) $(call option,TIMEOUT,timeout) $(call option,MODULE,module) \
	$(if $(filter-out 0,$(ICOUNT)),--icount) $(if $(filter 0,$(EXIT_DEVICE)),--no-exit-device) \
	$(if $(filter command,$(word 1,$(origin DISPLAY))),$(if $(filter-out 0,$(DISPLAY)),--display)) \
	--dir=$(BUILD)

run: ## boot it: [MEM=64M] [SMP=1] [CMDLINE="test=buddy* seed=7"] [BOOT=iso|uefi|kernel] [DISPLAY=1] ...
	$(Q)tests/tools/deps.sh run
	$(Q)$(MAKE) all
	$(Q)tests/tools/qemu $(VM_OPTIONS)

gdb: ## boot it under gdb, which knows `quarry zones`, `quarry free`, `quarry caches` ...
	$(Q)tests/tools/deps.sh test
	$(Q)$(MAKE) all
	$(Q)tests/tools/gdb $(VM_OPTIONS)

# --- Targets: test -------------------------------------------------------------

.PHONY: test test-build test-host test-threads test-kernel test-soak-irq soak test-bochs check-layers check-format

# $1: which tests (globs).  The last line is "N passed, N failed".
# One more than CPUs: a kernel that tests sleeping sleeps.  One machine of several CPUs at a time: when
# two have more CPUs than the host, they mostly wait for CPUs of theirs that do not run.
JOBS ?= $(shell expr $$(nproc) + 1)
prove = PERL5LIB=tests/tools prove --formatter=Tally --timer -j$(JOBS) --rules='seq=boot/smp*' --rules='par=**' \
	--exec tests/tools/run-test $$(tests/tools/run-test --list $1)
ONLY ?= *

test: ## run all tests; ONLY='boot/iso*' for some of them; KASAN=1 UBSAN=1: in kernels that check themselves
	$(Q)tests/tools/deps.sh test
ifeq ($(sanitizers),)
	$(Q)$(MAKE) test-build
	$(Q)$(call prove,'$(ONLY)')
else
	$(Q)$(MAKE) BUILD=$(BUILD)/sanitized $(BUILD)/sanitized/quarry.elf
	$(Q)export BOOTS=tests/tools/boots.sanitized; $(call prove,'boot/*')
endif

test-build: $(HOST_PROGRAMS) $(REPLAY_PROGRAMS) $(FUZZ_PROGRAMS) $(BUILD)/replay/small.trace $(BUILD)/bench/hosted64/bench \
	$(BUILD)/quarry.elf $(BUILD)/quarry.iso $(BUILD)/least/mm.o compile_commands.json
	$(Q)$(MAKE) TOOLCHAIN=clang FAST_PATH=irqsave BUILD=$(BUILD)/clang $(BUILD)/clang/quarry.elf
	$(Q)$(MAKE) LOCK_ORDER=1 BUILD=$(BUILD)/locks $(BUILD)/locks/quarry.elf
	$(Q)$(MAKE) KASAN=1 UBSAN=1 BUILD=$(BUILD)/sanitized $(BUILD)/sanitized/quarry.elf

test-host: ## run the unit tests as programs of this machine, for each compiler and word size; and the threads
	$(Q)tests/tools/deps.sh test
	$(Q)$(MAKE) $(HOST_PROGRAMS)
	$(Q)$(call prove,'host/*')

test-threads: ## run mm/ in many threads, without and with ThreadSanitizer
	$(Q)tests/tools/deps.sh test
	$(Q)$(MAKE) $(THREADS_VARIANTS:%=$(BUILD)/host/%/unit)
	$(Q)$(call prove,'host/threads*')

test-kernel: ## boot the kernel on each machine of tests/tools/boots
	$(Q)tests/tools/deps.sh test
	$(Q)$(MAKE) test-build
	$(Q)$(call prove,'boot/*')

test-soak-irq: ## only the interrupt scenario, with four seeds
	$(Q)tests/tools/deps.sh test
	$(Q)$(MAKE) all
	$(Q)$(call prove,'boot/irq-seed-*')

# The clock of four CPUs on fewer cores runs slower than ours: the time limit is generous.
HOURS ?= 1
SOAK_SECONDS = $(shell awk 'BEGIN { printf "%d", $(HOURS) * 3600 }')
soak: ## the storm on four CPUs, with wrong calls, faults injected and famines: HOURS=1 [MEM=48M] [SMP=4] [MISCHIEF=2000]
	$(Q)tests/tools/deps.sh run
	$(Q)$(MAKE) all
	$(Q)tests/tools/qemu --boot=kernel --mem=$(or $(MEM),48M) --smp=$(or $(SMP),4) --timeout=$$(($(SOAK_SECONDS) + 600)) \
		--log=$(BUILD)/logs/soak.log --cmdline='test=storm* storm=$(SOAK_SECONDS) mischief=$(or $(MISCHIEF),2000)'

test-bochs: ## boot the ISO in Bochs, some minutes: [MEM=64M] [CMDLINE="test=buddy*"] [CPU=p3_katmai] [TIMEOUT=1200]
	$(Q)tests/tools/deps.sh bochs
	$(Q)$(MAKE) all
	$(Q)PERL5LIB=tests/tools prove --formatter=Tally --timer --exec tests/tools/run-test bochs

include tests/bench/bench.mk

# --- Targets: recorded workloads ---------------------------------------------------

.PHONY: bench-trace

bench-trace: ## replay a recorded kernel workload, hosted and booted: TRACE=file.xz; without it a generated one
	$(Q)tests/tools/deps.sh bench
	$(Q)$(MAKE) $(REPLAY_PROGRAMS) $(BUILD)/quarry.elf
	$(Q)tests/tools/bench-trace $(BUILD) $(call quote,$(TRACE))

# --- Targets: the sources --------------------------------------------------------

.PHONY: format

format: ## lay out all C files as .clang-format says
	$(Q)tests/tools/format --fix

check-format: ## is every C file laid out so?
	$(Q)tests/tools/format

check-layers: $(BUILD)/least/mm.o ## does mm/ keep its layers, its host contract and its list of symbols?
	$(Q)prove -v --exec tests/tools/run-test tools/layers

# Every command as the rules above run it; editors take the first one of a file.
comma := ,
json_entry = {"directory": "$(CURDIR)"$(comma) "file": "$1"$(comma) "command": "$(strip $(subst ",\",$2))"}
KERNEL_C = $(filter %.c,$(KERNEL_SRC) $(USER_SRC))

compile_commands.json: FORCE ## what each file is compiled with, for editors
	$(file >$@.new,[)
	$(foreach s,$(KERNEL_C),$(file >>$@.new,$(call json_entry,$s,$(call kernel_cc,$s))$(comma)))
	$(foreach s,$(filter tests/threads/%,$(THREADS_SRC)),$(file >>$@.new,$(call json_entry,$s,$(call host_cc,threads,$s))$(comma)))
	$(foreach s,$(filter tests/interleave/%,$(INTERLEAVE_SRC)),$(file >>$@.new,$(call json_entry,$s,$(call host_cc,interleave,$s))$(comma)))
	$(foreach s,$(HOST_SRC),$(file >>$@.new,$(if $(filter-out $(firstword $(HOST_SRC)),$s),$(comma))$(call json_entry,$s,$(call host_cc,gcc64,$s))))
	$(file >>$@.new,])
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

deps: ## install what building and testing need
	$(Q)tests/tools/deps.sh all

clean: ## remove everything that was made
	$(call say,CLEAN,$(BUILD)/)
	$(Q)rm -rf $(BUILD) compile_commands.json

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' Makefile tests/*/*.mk
