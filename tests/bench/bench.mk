# SPDX-License-Identifier: MIT
#
# Benchmarks: the workloads of tests/bench in our kernel, in programs beside other
# allocators, and in Linux.  Never a part of `make test`; read by the Makefile.

BENCH_DIR := $(BUILD)/bench

.PHONY: bench bench-hosted bench-linux bench-plot

# $1: CPUs, $2: which rows, $3: the log's name.
bench_boot = tests/tools/qemu --boot=kernel --icount --mem=$(BENCH_MEM) --smp=$1 --cmdline=$(call quote,bench=$2) \
	--dir=$(BUILD) --log=$(BENCH_DIR)/$3.log

BENCH     ?= *
BENCH_MEM ?= 4G
bench: ## measure what each step costs, in guest instructions; BENCH='kmalloc*' for some of it
	$(Q)tests/tools/deps.sh run
	$(Q)$(MAKE) $(BUILD)/quarry.elf
	$(Q)mkdir -p $(BENCH_DIR)
	$(Q)$(call bench_boot,1,$(BENCH),kernel)
	$(Q)$(if $(filter * remote%,$(BENCH)),$(call bench_boot,2,remote*,kernel-2))
	$(Q)tests/tools/bench-rows tsv --name=Quarry $(BENCH_DIR)/kernel.log \
		$(if $(filter * remote%,$(BENCH)),$(BENCH_DIR)/kernel-2.log) > $(BENCH_DIR)/kernel.tsv
	@echo 'bench: the rows are in $(BENCH_DIR)/kernel.tsv' >&2

# --- In a program, beside other allocators -------------------------------------------

# mm/ and the workloads once for each allocator, for two word sizes.  No position-independent
# code and no frame pointers: as a program that has the allocator linked in.  mm/ is optimised as a
# whole, as other allocators are that are one source file; the workloads are not part of it.
HOSTED_BITS       := 32 64
HOSTED_ALLOCATORS := quarry glibc jemalloc mimalloc
HOSTED_WORKLOADS  := pair.c batch.c mix.c hosted/touched.c
HOSTED_SRC        := tests/bench/rounds.c $(addprefix tests/bench/hosted/,main.c library.c port/port.c)

HOSTED_FLAGS := -O2 $(filter-out -fno-omit-frame-pointer,$(COMMON_FLAGS)) -fomit-frame-pointer -fno-pie
HOSTED_LTO   := -flto -flto-partition=one
HOSTED_CC.32 := i686-linux-gnu-gcc -march=i686 -D_FILE_OFFSET_BITS=64
HOSTED_CC.64 := gcc
HOSTED_LD.32 := -no-pie -Wl,--dynamic-linker=$(CROSS32)/lib/ld-linux.so.2 -Wl,-rpath,$(CROSS32)/lib -ldl
HOSTED_LD.64 := -no-pie -ldl
HOSTED_ARCHITECTURE.32 := i386
HOSTED_ARCHITECTURE.64 := amd64

HOSTED_INCLUDES.quarry := -Itests/bench/hosted/ours -Imm/include -Itests/bench/hosted/port
HOSTED_INCLUDES.other  := -Itests/bench/hosted/library

# $1: bits.
hosted_dir = $(BENCH_DIR)/hosted$1
# $1: bits, $2: an allocator: its copies of the workloads.
hosted_copies = $(HOSTED_WORKLOADS:%=$(call hosted_dir,$1)/$2/%.o)
hosted_objects = $(HOSTED_SRC:%=$(call hosted_dir,$1)/%.o) $(call hosted_dir,$1)/mm.o \
	$(foreach a,$(HOSTED_ALLOCATORS),$(call hosted_copies,$1,$a))

# $1: bits, $2: an allocator.
define hosted_copy_rules
$(call hosted_dir,$1)/$2/%.o: tests/bench/% $(BUILD)/flags/hosted-$1
	$$(call say,CC,$$< ($2, $1 bits))
	@mkdir -p $$(@D)
	$(Q)$(HOSTED_CC.$1) $(HOSTED_FLAGS) -DBENCH_ALLOCATOR=$2 $(or $(HOSTED_INCLUDES.$2),$(HOSTED_INCLUDES.other)) \
		-c $$< -MMD -MP -o $$@
endef

# $1: bits.
define hosted_rules
$(call flags_file,hosted-$1,$(HOSTED_CC.$1) $(HOSTED_FLAGS) $(HOSTED_LTO) $(HOSTED_LD.$1) $(HOSTED_SRC) $(MM_SRC))

$(foreach a,$(HOSTED_ALLOCATORS),$(call hosted_copy_rules,$1,$a)

)
$(call hosted_dir,$1)/%.o: % $(BUILD)/flags/hosted-$1
	$$(call say,CC,$$< ($1 bits))
	@mkdir -p $$(@D)
	$(Q)$(HOSTED_CC.$1) $(HOSTED_FLAGS) $(INCLUDES.mm) -Itests/bench/hosted/port -Itests/bench/hosted/ours \
		-DBENCH_ALLOCATOR=quarry $$(if $$(filter mm/%,$$<),$(HOSTED_LTO)) -c $$< -MMD -MP -o $$@

$(call hosted_dir,$1)/mm.o: $(MM_SRC:%=$(call hosted_dir,$1)/%.o)
	$$(call say,LD,$$@)
	$(Q)$(HOSTED_CC.$1) $(HOSTED_FLAGS) $(HOSTED_LTO) -r -nostdlib -flinker-output=nolto-rel -o $$@ $$^

$(call hosted_dir,$1)/bench: $(call hosted_objects,$1)
	$$(call say,LD,$$@)
	$(Q)$(HOSTED_CC.$1) -o $$@ $$^ $(HOSTED_LD.$1)

-include $(patsubst %.o,%.d,$(call hosted_objects,$1) $(MM_SRC:%=$(call hosted_dir,$1)/%.o))
endef
$(foreach bits,$(HOSTED_BITS),$(eval $(call hosted_rules,$(bits))))

bench-hosted: ## the same beside glibc, jemalloc and mimalloc, in cycles of this machine, 32 and 64 bits
	$(Q)tests/tools/deps.sh bench
	$(Q)$(MAKE) $(foreach bits,$(HOSTED_BITS),$(call hosted_dir,$(bits))/bench)
	$(Q)$(foreach bits,$(HOSTED_BITS),tests/tools/bench-hosted $(call hosted_dir,$(bits)) $(HOSTED_ARCHITECTURE.$(bits)) && ) true

# --- In Linux -------------------------------------------------------------------------

bench-linux: ## ours and Debian's own 32-bit Linux under the same QEMU, in one table
	$(Q)tests/tools/deps.sh bench
	$(Q)mkdir -p $(BENCH_DIR)
	$(Q)$(MAKE) bench > $(BENCH_DIR)/kernel.out
	$(Q)tests/tools/bench-linux $(BENCH_DIR) $(BENCH_MEM)
	$(Q)tests/tools/bench-rows table $(addprefix $(BENCH_DIR)/,kernel.tsv linux.tsv linux-no-init.tsv)

bench-plot: ## draw what they have measured: build/bench/*.svg
	$(Q)tests/tools/deps.sh bench
	$(Q)tests/tools/bench-plot $(BENCH_DIR)
