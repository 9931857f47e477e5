# make            build everything that is needed to run, into dist/; V=1 shows whole commands
# make help       the other targets
# Quick when there is nothing to do: real files are the stamps. Only `deps` needs network or root.
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: build deps test-deps vm-deps native images demo test check test-native test-unit test-root \
	test-vm test-reboot torture torture-vm fuzz bench bench-deps generate coverage install uninstall clean help

say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2);)

PREFIX ?= /usr/local
LIB = $(PREFIX)/lib/nspod
NODE_ARCH := $(if $(filter aarch64,$(shell uname -m)),arm64,x64)
# The pinned Node; whatever Node the system has only runs npm.
NODE := node_modules/node-linux-$(NODE_ARCH)/bin/node
BIN := node_modules/.bin

# g++ and python3: the FFI packages bring their C code unbuilt.
RUN_PACKAGES = libseccomp2 libnftables1 busybox-static gcc g++ make libc6-dev binutils python3
# Without them things work, slower: gzip is unpacked by zlib. Asked for once, so that a build needs no network.
FAST_PACKAGES = libisal-dev
TEST_PACKAGES = clang clang-tidy clang-format @clang-rt cppcheck skopeo umoci buildah \
	iproute2 nftables conntrack strace jq util-linux zsh fish 'kubernetes-client|kubectl' \
	$(if $(filter x64,$(NODE_ARCH)),linux-libc-dev-arm64-cross)
BENCH_PACKAGES = podman conmon crun runc netavark aardvark-dns catatonit skopeo isal iproute2 util-linux
VM_PACKAGES = qemu-system-x86 'linux-image-cloud-amd64|linux-image-virtual' \
	'virtiofsd|qemu-system-common' busybox-static cpio kmod e2fsprogs apparmor

# ---- what runs ----

build: deps native dist/nspod dist/start.cjs dist/daemon.cjs dist/image-worker.cjs dist/descriptions.json

deps: run-packages node_modules/.nspod-lock

.PHONY: run-packages npm-ci
run-packages:
	@test/support/packages.sh $(RUN_PACKAGES)
	@[ -e dist/.fast-packages ] || { mkdir -p dist && touch dist/.fast-packages && \
		test/support/packages.sh $(FAST_PACKAGES); } || true

# By content, not by time: a checkout gives the lock file a new time.
node_modules/.nspod-lock: package.json package-lock.json | run-packages
	@if cmp -s package-lock.json $@; then touch $@; else $(MAKE) --no-print-directory npm-ci; fi

# Scripts of packages stay off but for the three that must be compiled, against the headers of the
# pinned Node. C++17: the headers ask for C++20, which node-addon-api 3 is too old for.
npm-ci:
	@command -v npm >/dev/null || test/support/packages.sh nodejs npm
	npm ci --ignore-scripts --no-audit --no-fund
	@test -x $(NODE) || { echo "npm did not install $(NODE)" >&2; exit 1; }
	CXXFLAGS=-std=gnu++17 npm_config_nodedir=$(CURDIR)/$(NODE:/bin/node=) npm rebuild ffi-napi ref-napi @2060.io/ref-napi
	@$(NODE) -e 'require("ffi-napi"); require("ref-napi")'
	@cp package-lock.json node_modules/.nspod-lock

native: | deps
	@$(MAKE) --no-print-directory -C native OUT=../dist/native all

dist/nspod: src/cli/launcher.sh
	@mkdir -p dist
	@install -m 755 $< $@

# CommonJS, because it starts twice as fast: an ES import of a built-in module reads every export of
# it, and one of node:http loads all of undici (measured: 104 ms of CPU time against 58 ms).
ESBUILD = node_modules/@esbuild/linux-$(NODE_ARCH)/bin/esbuild --platform=node --target=node24 \
	--minify-whitespace --minify-syntax --sourcemap=linked --log-level=warning
PARTS = $(ESBUILD) --bundle --external:ffi-napi --external:ref-napi \
	--define:import.meta.dirname=__dirname --define:import.meta.url=__filename
BUNDLE = $(PARTS) --format=cjs
SOURCES := $(shell find src -name '*.ts')

ENTRY_daemon = src/daemon/main.ts
ENTRY_image-worker = src/image/worker.ts

dist/%.cjs: $(SOURCES) package-lock.json Makefile | deps
	$(call say,BUNDLE,$@) $(BUNDLE) $(ENTRY_$*) --outfile=$@

dist/descriptions.json: src/spec/descriptions.generate.ts src/spec/definitions.gen.ts package-lock.json | deps
	@mkdir -p dist
	$(call say,GENERATE,$@) $(NODE) $< $@

# The command line in parts, of which a command reads those that it needs (src/cli/start.ts). Only ES modules can be
# split, so they become CommonJS afterwards. Caches of older parts have names that nobody asks for any more.
# Short names are a sixth less to read and to restore for each command; the source maps have the long ones.
SHORT = --minify-identifiers
dist/start.cjs: $(SOURCES) package-lock.json Makefile | deps
	@rm -rf dist/cli dist/cache && mkdir -p -m 755 dist/cache
	@$(PARTS) $(SHORT) --format=esm --splitting --outdir=dist/cli/esm src/cli/main.ts
	@echo '{}' >dist/cli/esm/package.json # without it, "default" of a part would mean all of the part
	@$(ESBUILD) $(SHORT) --format=cjs --supported:dynamic-import=false --outdir=dist/cli dist/cli/esm/*.js
	@rm -r dist/cli/esm
	$(call say,BUNDLE,$@) $(BUNDLE) src/cli/start.ts --define:partsId='"'$$(cat dist/cli/*.js | sha256sum | cut -c -16)'"' --outfile=$@

images: dist/images/.built
dist/images/.built: $(shell find rootfs -type f) | deps
	$(call say,IMAGES,dist/images) rootfs/build.sh dist/images
	@touch $@

demo: build images
	@rootfs/demo/run.sh

# ---- what checks ----

test-deps: deps kubectls
	@test/support/packages.sh $(TEST_PACKAGES)

# The oldest and a newer kubectl of Debian, beside the one that the machine has; without a mirror their tests say so.
.PHONY: kubectls
kubectls:
	@test/support/unpack-packages.sh dist/kubectl/1.20 bookworm kubernetes-client || true
	@test/support/unpack-packages.sh dist/kubectl/1.32 trixie kubectl || true

vm-deps: test-deps
	@test/support/packages.sh $(VM_PACKAGES)

# Everything that this machine can run; ends with "N passed, N failed".
test: test-deps build images
	@$(NODE) test/support/all.ts

check: test-deps
	@$(NODE) test/support/all.ts check

test-native: test-deps
	@$(MAKE) --no-print-directory -C native OUT=../dist/native test

test-unit: deps native
	@$(NODE) test/support/run.ts --parallel 2 --title unit test/unit

test-root: build images
	@$(NODE) test/support/run.ts --parallel 1 --again --title integration test/integration test/security

# The integration suite in a guest with a stock kernel and a full cgroup v2 tree.
test-vm: vm-deps build images
	@test/vm/run.sh env CI=true NSPOD_TEST_GUEST=1 \
		$(NODE) test/support/run.ts --parallel 1 --again --title integration-in-guest \
		--emulated test/vm/emulated.txt test/integration test/security

# src/spec/*.gen.ts out of the OpenAPI description and the Go types of Kubernetes, src/sys/abi.gen.ts out of the
# kernel's headers.
generate: test-deps
	@$(NODE) src/spec/kubernetes.generate.ts
	@test/support/unpack-packages.sh dist/kubernetes-source sid golang-k8s-api-dev golang-k8s-apimachinery-dev
	@$(NODE) src/spec/protobuf.generate.ts
	@$(MAKE) --no-print-directory -C native OUT=../dist/native abi

# The promises that need the machine to go down: a guest that resets itself twice.
test-reboot: vm-deps build images
	@REBOOT=1 test/vm/run.sh env CI=true NSPOD_TEST_GUEST=1 \
		$(NODE) test/support/run.ts --parallel 1 --title reboot-in-guest test/vm/reboot.test.ts

# libFuzzer with ASan and UBSan on what reads bytes of others in C (what crashes goes to native/test/crashers, which
# every `make test` runs), then every property of the unit tests;
# SECONDS is for all of it.
SECONDS ?= 60
fuzz: test-deps native
	@$(MAKE) --no-print-directory -C native OUT=../dist/native FUZZ_SECONDS=$$(( $(SECONDS) / 4 + 1 )) fuzz
	@$(NODE) test/support/fuzz.ts $$(( $(SECONDS) / 2 + 1 ))

# Daemons are unpacked and not installed: nothing of theirs starts, now or at the next boot. What is missing is named.
bench-deps: deps
	@test/support/packages.sh $(BENCH_PACKAGES)
	@test/support/unpack-packages.sh dist/bench/debian "$$(. /etc/os-release && echo "$$VERSION_CODENAME")" \
		containerd docker.io || true

# The promises of test/security/README.md with their full figures; PERCENT=5 for a quick look, PART="execs logs" for some.
torture: build images
	@$(NODE) test/torture/main.ts $(PART)

# In the guest of test-vm, for what only a machine of its own, or one with all controllers, can show.
PERCENT ?= 100
torture-vm: vm-deps build images
	@test/vm/run.sh env NSPOD_TEST_GUEST=1 PERCENT=$(PERCENT) $(NODE) test/torture/main.ts $(PART)

# ONLY=start,exec ROUNDS=5 selects and shortens; see the head of the file.
bench: build images
	@$(NODE) test/bench/main.ts

coverage: deps native
	@$(NODE) $(BIN)/c8 --include 'src/**' --reporter text --reporter html \
		$(NODE) $(BIN)/uvu test/unit '\.test\.ts$$'

# ---- what is installed ----

install: build
	@test/support/install.sh "$(DESTDIR)" "$(PREFIX)" install
uninstall:
	@test/support/install.sh "$(DESTDIR)" "$(PREFIX)" uninstall

clean:
	rm -rf dist coverage

help:
	@echo "make               build into dist/ (launcher: dist/nspod)"
	@echo "sudo make demo     install what is missing, build, run rootfs/demo/pod.yaml, clean up"
	@echo "sudo make test     everything that this machine can run: check, native, unit, integration"
	@echo "sudo make test-vm  the integration suite in a QEMU guest with full cgroup v2"
	@echo "sudo make test-reboot   what survives a power cut and a reboot, in that guest"
	@echo "make check         format, lint, types, floors, generated files, C warnings"
	@echo "make test-unit     TypeScript unit tests        sudo make test-root   integration tests"
	@echo "make test-native   C unit tests under ASan and UBSan"
	@echo "sudo make torture PERCENT=100  what must survive kills, full disks and floods, with its figures"
	@echo "make fuzz SECONDS=60   the C decoders and all properties, for so long"
	@echo "make generate      what is generated from Kubernetes' and the kernel's descriptions"
	@echo "sudo make bench-deps bench   side by side with podman, crun, containerd and docker; ONLY=start,exec ROUNDS=5"
	@echo "make coverage      of the unit tests"
	@echo "sudo make install  PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)       sudo make uninstall"
	@echo "make deps clean    install what is missing; remove dist/"
