# SPDX-License-Identifier: MIT
#
# Which lines of mm/ the tests reach: the hosted program and the kernel, counted by gcov.  Read
# by the Makefile, which `make coverage` calls again with COVERAGE=1 and a build folder of its own.

COVERAGE_BUILD := $(BUILD)/coverage

# Children of the hosted program end by _exit(), which would lose what they counted.
COVERAGE_VARIANTS    := gcc64-cov
HOST_CC.gcc64-cov     = gcc -O0 --coverage
HOST_LD.gcc64-cov     = -Wl,--wrap=_exit
HOST_EXTRA.gcc64-cov := tests/coverage/host.c

# In the kernel only mm/ is counted.  A section lists the counters of all files; the compiler's library turns
# them into files, which the kernel writes to its log.
ifeq ($(COVERAGE),1)
KERNEL_SRC += tests/coverage/kernel.c
COVERAGE_FLAGS := -O1 -fprofile-arcs -ftest-coverage -fprofile-info-section=gcov_info
LIBGCC     += $(shell $(CROSS_COMPILE)gcc -print-file-name=libgcov.a)
endif

.PHONY: coverage

coverage: ## which lines of mm/ do the tests reach, hosted and booted? the others: build/coverage/uncovered.txt
	$(Q)tests/tools/deps.sh test
	$(Q)$(MAKE) COVERAGE=1 BUILD=$(COVERAGE_BUILD) $(COVERAGE_BUILD)/host/gcc64-cov/unit $(COVERAGE_BUILD)/quarry.elf
	$(Q)tests/tools/coverage $(COVERAGE_BUILD)
