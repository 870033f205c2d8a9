# SPDX-License-Identifier: MIT
# Tests of the tests: tests/mutate.

mutate: $(host_tests) ## Change the source a little N=100 times by SEED=1, and see that the host tests notice
	@python3 tests/mutate/mutate.py --build $B --count $(or $(N),100) --seed $(or $(SEED),1) \
	    $(addprefix -k ,$(K))

.PHONY: mutate
