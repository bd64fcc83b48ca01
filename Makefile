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
word = '$(subst ','\'',$1)'

BUILD := build

# The same commit makes the same bytes: no clock, no path of this machine.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
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
# The compiler's run-time library: 64-bit division and shifts.
LIBGCC  = $(shell $(CROSS_COMPILE)gcc -print-libgcc-file-name)

# --- Sources -----------------------------------------------------------------

-include mm/sources.mk
MM_SRC := $(addprefix mm/,$(MM_SOURCES))

KERNEL_SRC := $(wildcard boot/*.S boot/*.c kernel/*.S kernel/*.c kernel/port/*.c drivers/*.c) \
	$(MM_SRC) \
	$(wildcard tests/harness/*.c tests/unit/*.c tests/kernel/*.c tests/bench/*.c)

HOST_SRC := $(MM_SRC) $(wildcard tests/harness/*.c tests/unit/*.c tests/host/*.c)

# --- Flags -------------------------------------------------------------------

# Who may include what, by the directory at the top.  mm/ sees itself, and its
# host's <mm_host.h> in kernel/port or tests/host; the kernel sees mm's public
# headers only; tests see everything.
INCLUDES.mm      := -Imm/include -Imm/internal
INCLUDES.boot    := -Imm/include -Ikernel/include -Idrivers/include
INCLUDES.kernel  := $(INCLUDES.boot)
INCLUDES.drivers := $(INCLUDES.boot)
INCLUDES.tests   := $(INCLUDES.mm) -Itests -Itests/harness
includes = $(INCLUDES.$(firstword $(subst /, ,$1)))

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wdate-time -Werror

COMMON_FLAGS := -std=gnu11 -g $(WARNINGS) -MMD -MP -ffile-prefix-map=$(CURDIR)=.

# -fno-pic and -fno-pie: linked at one address, no table of offsets.
# -fno-stack-protector, -fcf-protection=none: both need run-time support.
# -mno-sse -mno-mmx -mno-80387: interrupt entry does not save these registers.
# -fno-omit-frame-pointer: backtraces follow the frame pointers.
KERNEL_FLAGS := -march=i686 -O2 -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fcf-protection=none \
	-mno-sse -mno-mmx -mno-80387
ifneq ($(TOOLCHAIN),clang)
KERNEL_FLAGS += -m32
endif

KERNEL_LDFLAGS := -m elf_i386 -nostdlib -static --build-id=none -z noexecstack -z max-page-size=4096 \
	--no-warn-rwx-segments --fatal-warnings

# --- Rebuilding when flags change ----------------------------------------------

# $(BUILD)/flags/NAME holds the command that its objects were made with.  It is
# looked at in every run, and rewritten only if something in it changed.
.PHONY: FORCE
FORCE:
define flags_file
$(BUILD)/flags/$1: FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' $$(call word,$2) | cmp -s - $$@ || printf '%s\n' $$(call word,$2) > $$@
endef

# --- The kernel ----------------------------------------------------------------

KERNEL_OBJ := $(KERNEL_SRC:%=$(BUILD)/kernel/%.o)

kernel_cc = $(CC) $(COMMON_FLAGS) $(KERNEL_FLAGS) $(call includes,$1) -Ikernel/port \
	$(if $(filter tests/%,$1),-Ikernel/include -Idrivers/include)

$(eval $(call flags_file,kernel,$(CC) $(COMMON_FLAGS) $(KERNEL_FLAGS)))
$(eval $(call flags_file,link,$(LD) $(KERNEL_LDFLAGS) $(KERNEL_OBJ)))

$(BUILD)/kernel/%.o: % $(BUILD)/flags/kernel
	$(call say,$(if $(filter %.S,$<),AS,CC),$<)
	@mkdir -p $(@D)
	$(Q)$(call kernel_cc,$<) -c -o $@ $<

# Linked twice: the first pass tells the addresses of all functions, the second
# one takes a table of them along, for backtraces with names.  The table lies
# behind the code, so the addresses stay as they are; that is checked.
$(BUILD)/kernel/pass1.elf: linker.ld $(KERNEL_OBJ) $(BUILD)/flags/link
	$(call say,LD,$@)
	$(Q)$(LD) $(KERNEL_LDFLAGS) -T linker.ld -o $@ $(KERNEL_OBJ) $(LIBGCC)

$(BUILD)/quarry.elf: $(BUILD)/kernel/pass1.elf
	$(call say,LD,$@)
	$(Q)cp $< $@

$(BUILD)/quarry.iso: $(BUILD)/quarry.elf iso/grub.cfg
	$(call say,ISO,$@)
	$(Q)rm -rf $(BUILD)/iso && mkdir -p $(BUILD)/iso/boot/grub
	$(Q)cp $(BUILD)/quarry.elf $(BUILD)/iso/boot/ && cp iso/grub.cfg $(BUILD)/iso/boot/grub/
	$(Q)grub-mkrescue -o $@ $(BUILD)/iso > $(BUILD)/iso.log 2>&1 || { cat $(BUILD)/iso.log >&2; exit 1; }

-include $(KERNEL_OBJ:.o=.d)

# --- Targets --------------------------------------------------------------------

.PHONY: all help clean

all: $(BUILD)/quarry.elf $(BUILD)/quarry.iso ## build the kernel and the bootable ISO

clean: ## remove everything that was made
	$(call say,CLEAN,$(BUILD)/)
	$(Q)rm -rf $(BUILD) compile_commands.json

help: ## list the targets
	@echo 'Targets:'
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' Makefile
