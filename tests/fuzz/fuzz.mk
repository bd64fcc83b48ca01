# SPDX-License-Identifier: MIT
#
# Fuzzing with clang's libFuzzer: one program for each target of tests/fuzz.  Read by the
# Makefile.

FUZZ_TARGETS  := operations memory_map command_line
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%)
# What is not mm/'s is as for the hosted tests of clang64-asan: only mm/ tells libFuzzer what was reached.
FUZZ_HOST     := $(filter-out $(MM_SRC) tests/host/%_test.c tests/unit/%_test.c tests/host/main.c tests/host/suites.c,$(HOST_SRC))
FUZZ_OBJ      := $(MM_SRC:%=$(BUILD)/fuzz/%.o) $(FUZZ_HOST:%=$(BUILD)/host/clang64-asan/%.o) $(BUILD)/fuzz/tests/fuzz/main.c.o

FUZZ_CC := $(HOST_CC.clang64-asan) -fsanitize=fuzzer-no-link

$(eval $(call flags_file,fuzz,$(FUZZ_CC) $(COMMON_FLAGS) $(FUZZ_OBJ)))

$(BUILD)/fuzz/%.o: % $(BUILD)/flags/fuzz
	$(call say,CC,$< (fuzz))
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(COMMON_FLAGS) $(call includes,$<) $(HOST_INCLUDES) -c $< -MMD -MP -o $@

$(FUZZ_PROGRAMS): $(BUILD)/fuzz/%: $(FUZZ_OBJ) $(BUILD)/fuzz/tests/fuzz/%.c.o
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer -o $@ $^

-include $(patsubst %.o,%.d,$(filter $(BUILD)/fuzz/%,$(FUZZ_OBJ))) $(FUZZ_TARGETS:%=$(BUILD)/fuzz/tests/fuzz/%.c.d)

.PHONY: fuzz

FUZZ_TIME ?= 60
FUZZ      ?= $(FUZZ_TARGETS)
fuzz: ## look for inputs that break it, FUZZ_TIME=60 seconds for each target: [FUZZ="operations memory_map"]
	$(Q)tests/tools/deps.sh test
	$(Q)$(MAKE) $(FUZZ:%=$(BUILD)/fuzz/%)
	$(Q)tests/tools/fuzz --time=$(FUZZ_TIME) --dir=$(BUILD) $(FUZZ)
