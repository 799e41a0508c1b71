# Everything a developer runs. `make test` is what README names; CI adds lint and race.
export CGO_ENABLED = 0
GO ?= go
FUZZTIME ?= 1m
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
PACKAGES = ./...

.PHONY: build test race lint fuzz bench scale golden snapshot property engine learn-hostile verify-install clean

build: ## the static binary, bin/thamos
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/thamos ./cmd/thamos

test: ## all tests, at the depth of every day
	$(GO) test $(PACKAGES)

# What reads the third-party data is long, and for the most part one goroutine:
# under the race detector it would take more than half of CI's quarter of an hour.
race: ## all tests under the race detector, without third-party data (needs a C compiler)
	CGO_ENABLED=1 THAMOS_SHARED_DATA=$(CURDIR)/none $(GO) test -race -timeout 30m $(PACKAGES)

lint: ## formatting, vet, staticcheck at a pinned version
	@unformatted=$$(gofmt -l cmd kb lockfile pipeline predictor resolver solver); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	$(GO) vet $(PACKAGES)
	GOOS=darwin $(GO) vet ./cmd/... && GOOS=windows $(GO) vet ./cmd/...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 $(PACKAGES)

fuzz: ## every fuzz target for FUZZTIME each
	@for p in $$($(GO) list $(PACKAGES)); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

property: ## the property tests at full depth
	$(GO) test -run 'Agrees|Matter|Fewer' ./resolver -rapid.checks 100000 -timeout 2h
	$(GO) test -run OnlineAgrees ./cmd -rapid.checks 3000 -timeout 2h
	$(GO) test ./resolver/exact -exact.deep -timeout 2h
	$(GO) test -run TestEngine ./resolver/certify -certify.worlds 100000 -timeout 2h

# Containers are part of what is tested. The engine and the packages that its image
# is made of come from the distribution; crun does not work on every machine.
engine: ## install podman where apt-get is at hand (as root)
	command -v podman >/dev/null || (apt-get -qq update && apt-get install -y -qq --no-install-recommends podman runc netavark)
	test -n "$$(apt-cache show --no-all-versions python3-pip-whl 2>/dev/null)" || apt-get -qq update

learn-hostile: ## what hostile packages and killed clients do, at full depth (needs a container engine)
	THAMOS_REQUIRE_ENGINE=1 THAMOS_LEARN_FULL=1 $(GO) test -count 1 -timeout 30m -v -run 'Hostile|Killed.*Learn|Throughput' ./solver ./cmd

bench: ## all benchmarks
	$(GO) test -run '^$$' -bench . -benchmem $(PACKAGES)

# As many projects and releases as the public index has; SCALE=7000 is what `make
# bench` does. Wants some gigabytes of memory.
SCALE ?= 700000
scale: ## how large and how quick a knowledge base of a whole index is, synthetic
	$(GO) test -v -run '^$$' -bench Scale -benchtime 20x -timeout 1h ./kb -scale.projects $(SCALE)

golden: ## rewrite every golden file; look at the diff before you commit it
	$(GO) test ./resolver ./lockfile ./cmd/... -update

# The embedded snapshot is made from a folder or zip in the layout that kb/ingest
# describes, from advisories, and from the prescriptions of our own; same input,
# same bytes. ORIGIN is the index it was read from, by default the one that pip
# uses by default.
FROM ?= ../shared/data/pypi.zip
BUILT ?= 2026-11-24
ORIGIN ?= $(shell python3 -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)')
ADVISORIES ?= ../shared/data/advisories.zip
ADVISED ?= 2024-10-10
POPULAR ?= ../shared/data/popular.tsv
snapshot: build ## rebuild the embedded knowledge base
	bin/thamos kb build --from $(FROM) --origin $(ORIGIN) --built $(BUILT) --known-files --output bin/snapshot.db
	bin/thamos kb import --format osv $(ADVISORIES) --name 'PyPA advisory database' --licence CC-BY-4.0 --date $(ADVISED) \
		--kb bin/snapshot.db --output bin/snapshot.db
	bin/thamos kb import --format popular $(POPULAR) --name 'most downloaded projects' --licence NOASSERTION --date $(BUILT) \
		--kb bin/snapshot.db --output bin/snapshot.db
	bin/thamos kb import --format prescriptions pipeline/prescription/rules --name 'rules of thamos' --licence Apache-2.0 --date $(BUILT) \
		--kb bin/snapshot.db --embed kb/embedded

verify-install: build ## locks of real projects through pip, pipenv and uv (network, not part of CI)
	testdata/verify-install bin/thamos

clean:
	rm -rf bin
