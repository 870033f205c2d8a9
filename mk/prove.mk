# SPDX-License-Identifier: MIT
# Bounded model checking of the kernel's core with CBMC, which tests/proofs/fetch gets when it is not there. K=WORD proves
# only what has the word in its name.

prove: ## Prove the kernel's core for small worlds, and that planted bugs are found
	@tools/setup prove
	@tests/proofs/run --cbmc "$$(tests/proofs/fetch build/cbmc)" --work build/prove $(addprefix -k ,$(K))

.PHONY: prove
