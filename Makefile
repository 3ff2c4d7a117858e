# The two commands a newcomer needs, demo and test, and two more. The work is in dev.py, which also runs without make.
.PHONY: demo test soak bench

demo:
	@python3 dev.py demo $(ARGS)

test:
	@python3 dev.py test $(ARGS)

soak:
	@python3 dev.py soak $(ARGS)

bench:
	@python3 dev.py bench $(ARGS)
