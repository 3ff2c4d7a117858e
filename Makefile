# The two commands a newcomer needs, and a third. The work is in dev.py, which also runs without make.
.PHONY: demo test bench

demo:
	@python3 dev.py demo $(ARGS)

test:
	@python3 dev.py test $(ARGS)

bench:
	@python3 dev.py bench $(ARGS)
