package commands_test

// class says what runs a command.
type class int

const (
	now         class = iota // this test, always
	weekly                   // this test with CURLPIPE_LONG set, in the weekly job
	again                    // this test, for another document that has the same command
	aTest                    // scripts/test: the command runs some of its tests
	byJob                    // a job of the hosted CI, unchanged
	insteadTest              // another test, in another way; why says the reason
	insteadJob               // a job of the hosted CI, in another way
	byHand                   // nobody, because of why
)

// command is a command in a document.
type command struct {
	// text is the command, of one line or more.
	text  string
	class class
	// local, if not empty, is run instead, because the command downloads from curl.se:
	// the same command with a local source.
	local string
	// first runs before the command, then afterwards.
	first, then string
	// mayFail allows exit status 1: the command works, and reports a bad
	// result.
	mayFail bool
	// says, if not empty, is a regular expression that the output must match.
	says string
	// by is the folder's test, or the job; as is the job's form of the command.
	by, folder, as string
	// why says why it is not run unchanged.
	why string
	// needs are programs that scripts/setup --tests installs. Without them the
	// command is left out.
	needs []string
	// files of the checkout are copied to the folder in which it runs.
	files []string
	// inRoot runs it in the checkout instead of an empty folder.
	inRoot bool
}

const (
	acceptance = "harness/acceptance"
	docker     = "harness/acceptance/docker"
)

// notCommands are beginnings of blocks that do not have commands.
var notCommands = []string{
	"scenario   subject", "client  depth", "c-fleet", `{"openssl"`, "long groups", "build/pipelab check [FLAG",
}

// table has every command of every document.
var table = map[string][]command{
	"README.md": {
		{text: "./scripts/reproduce", says: `6 of 6 runs as expected`},
		{text: "./scripts/test", class: byJob, by: "test"},
		{
			text:  "scripts/build-libcurl --variant patched --version 7.61.1",
			local: "scripts/build-libcurl --variant patched --source ~/src/curl --version 7.61.1",
			says:  `(?m)^/.*/libcurl/[0-9a-f]{24}$`,
		},
		{text: "scripts/build-libcurl --variant patched --source ~/src/curl --version 7.58.0"},
		{text: "scripts/build-libcurl --variant patched --source curl-7.61.1-34.el8.src.rpm", class: weekly, first: srpm7611, needs: []string{"rpmbuild", "cpio"}},
		{text: "scripts/submit OUT", class: weekly, then: "test -s OUT/mails/0000-*"},
		{text: "scripts/package --deb", class: weekly, then: "dpkg --info *.deb"},
		{text: "scripts/clients wrk --scenario blocked-write", class: weekly, says: `other bytes`, needs: []string{"wrk"}},
		{text: "scripts/clients nginx --scenario blocked-write", class: weekly, says: `longer with the same start`, needs: []string{"nginx"}},
		{text: "scripts/build-openssl --version 1.0.1m", class: byJob, by: "releases"},
		{
			text: "prefix=$(scripts/build-libcurl --variant patched)\n" +
				"export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib\ngo build ./...",
			inRoot: true,
		},
		{text: "build/pipelab check -- curl {url}/1 {url}/2", needs: []string{"curl"}, says: `one-connection +pass`},
		{text: "build/pipelab fleet", class: weekly},
		{text: "docker/build --debian trixie", class: byJob, by: "docker"},
		{text: "docker run --rm curlpipe:trixie run --scenario reported", class: byJob, by: "docker"},
		{text: "go doc ./curlpipe", inRoot: true, says: "package curlpipe"},
	},
	"patches/README.md": {
		{text: "scripts/series 7.61.1 OUT", then: "grep ^0701- OUT/series"},
		{text: "scripts/build-libcurl --variant patched --source ~/src/curl --version 7.61.1"},
		{text: "scripts/build-libcurl --variant patched --source ~/rpm/curl", class: weekly, first: rpm7611},
		{text: "scripts/build-libcurl --variant patched --source curl.dsc", class: weekly, first: dsc7580, needs: []string{"dpkg-source"}},
		{
			text: "scripts/series 7.61.1 ~/doing\ncd ~/curl-7.61.1\nfor name in $(cat ~/doing/series); do\n" +
				"  patch -p1 --fuzz=0 <~/doing/$name || break\ndone",
			first: tree7611, then: "grep DOING ~/curl-7.61.1/lib/multi.c; test -z \"$(find ~/curl-7.61.1 -name '*.rej')\"",
		},
		{
			text: "scripts/series 7.58.0 ~/doing\ncp ~/doing/*.patch ~/curl-7.58.0/debian/patches/\n" +
				"cat ~/doing/series >>~/curl-7.58.0/debian/patches/series",
			first: debian7580, then: "cd && dpkg-source -b curl-7.58.0", needs: []string{"dpkg-source"},
		},
		{
			text: "scripts/series 7.61.1 ~/doing\ncp ~/doing/*.patch ~/rpm/curl/SOURCES/\n" +
				`awk '{ print "Patch" 900 + NR ": " $1 }' ~/doing/series` + "\n" +
				`awk '{ print "%patch -P " 900 + NR " -p1" }' ~/doing/series`,
			first: rpm7611, says: `(?m)^%patch -P 960 -p1$`,
		},
		{
			text:  "scripts/releases --source ~/src/curl --update patches/README.md",
			class: insteadJob, by: "releases", as: "scripts/releases",
			why: "it takes four hours; the job makes the rows of four releases",
		},
		{text: "scripts/build-libcurl --variant patched"},
		{text: "build/pipelab run --scenario '*' --driver perform,socket", class: weekly},
		{text: "scripts/submit OUT", class: again},
		{text: "scripts/submit --for rpm OUT", class: weekly, then: "ls OUT"},
		{text: "go test ./harness/acceptance/framing", class: aTest},
		{text: "go test ./harness/acceptance/framing -run Cut", class: aTest},
		{text: "go test ./harness/acceptance -run Proven", class: aTest},
		{text: "go test ./harness/acceptance/patches", class: aTest},
	},
	"patches/tests-http/README.md": {
		{
			text: "cp .../patches/tests-http/test_70_write_retry.py .../patches/tests-http/write_retry.c tests/http/\n" +
				"cd tests/http && pytest test_70_write_retry.py",
			class: byHand, why: "it takes a built tree of today's curl with its test server",
		},
		{text: "scripts/submit OUT --for tests --source ~/src/curl", class: again},
		{
			text:  "scripts/fetch-libcurl --openssl PREFIX",
			first: "ln -s \"$(scripts/build-openssl --suite trixie)\" PREFIX", class: weekly,
		},
		{text: "scripts/build-openssl --suite trixie", class: weekly},
	},
	"CONTRIBUTING.md": {
		{text: "scripts/test", class: byJob, by: "test"},
		{text: "scripts/test -run Invariants ./harness/run/judge", class: weekly, says: `ok .*harness/run/judge`},
		{text: "scripts/reproduce", class: again},
		{
			text: "prefix=$(scripts/build-libcurl --variant patched)\n" +
				"export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib\n" +
				"go test ./... ./curlpipe/metrics/... ./harness/...\ngo test -tags curlpipe_poll ./cshim ./curlpipe",
			class: weekly, inRoot: true,
		},
		{text: "go test ./curlpipe -run HostileServer -hostile 1000000 -timeout 2h", class: weekly, inRoot: true, first: patched},
		{text: "go test ./curlpipe -run '^$' -fuzz FuzzHostileServer -fuzztime 5m", class: weekly, inRoot: true, first: patched},
		{text: "CURLPIPE_MODEL=200000 go test ./curlpipe -run ModelOfSendings -timeout 1h", class: weekly, inRoot: true, first: patched},
		{text: "go test ./curlpipe -run CancellationStorm -storm 100000 -timeout 1h", class: weekly, inRoot: true, first: patched},
		{text: "go test ./curlpipe -run Interleavings -interleaved 50000 -timeout 1h", class: weekly, inRoot: true, first: patched},
		{text: "CURLPIPE_LONG=1 go test ./curlpipe -run 'Unsolicited|Injected'", class: weekly, inRoot: true, first: patched},
		{text: "CURLPIPE_LONG=1 go test ./curlpipe -run FramesOfAllKinds -timeout 1h -exec 'env -u LD_LIBRARY_PATH'", class: weekly, inRoot: true, first: patched},
		{text: "scripts/curl-suite --source ~/src/curl --version 7.53.1 90 530 1901", class: weekly},
		{text: "scripts/curl-suite --source ~/src/curl --version 7.53.1", class: weekly},
		{text: "scripts/check-builds", class: weekly},
		{text: "scripts/bench --against origin/main", class: weekly, mayFail: true, says: "curlpipe"},
		{text: "scripts/bench --against HEAD~1 --depth 100,10000", class: weekly, mayFail: true, says: "curlpipe"},
		{text: "GOWORK=off go mod tidy", class: weekly, first: clone, then: "git diff --exit-code"},
		{text: "go work sync", class: byHand, why: "it is what not to do"},
		{text: "go test ./harness/acceptance/ownership", class: aTest},
		{text: "scripts/build-libcurl --sanitize", class: weekly},
		{text: "build/pipelab run --scenario paused-head --library stock,patched"},
		{
			text:  "CURLPIPE_LONG=1 scripts/test -run Proven ./harness/acceptance",
			class: insteadJob, by: "long", as: "scripts/test -timeout", why: "the job runs all long tests at once, this one among them",
		},
		{text: "scripts/build-libcurl --variant patched", class: again},
		{text: "scripts/submit OUT", class: again},
	},
	"docker/README.md": {
		{text: "docker/build --debian trixie", class: byJob, by: "docker"},
		{text: "docker run --rm curlpipe:trixie run --scenario reported", class: byJob, by: "docker"},
		{text: "docker run --rm curlpipe:trixie list", class: byJob, by: "docker"},
		{text: "docker build -f docker/Dockerfile --build-arg DEBIAN=trixie -t curlpipe:trixie .", class: byJob, by: "compose"},
		{text: "docker compose -f docker/compose.yaml up bookworm trixie", class: byJob, by: "compose"},
		{text: "SCENARIO='idle-*' docker compose -f docker/compose.yaml run --rm trixie", class: byJob, by: "compose"},
		{text: "docker compose -f docker/fleet/compose.yaml run --rm merge", class: byJob, by: "compose"},
		{text: "docker compose -f docker/fleet/compose.yaml down", class: byJob, by: "compose"},
		{
			text: "kubectl apply -f docker/fleet/kubernetes.yaml\n" +
				"kubectl wait --for=condition=complete --timeout=1h job/curlpipe-fleet\nfor index in 0 1 2 3; do\n" +
				`  kubectl logs -l "batch.kubernetes.io/job-name=curlpipe-fleet,batch.kubernetes.io/job-completion-index=$index" ` +
				"--tail=-1 | sed -n '/^{/,$p' > fleet-$index.json\ndone\npipelab merge fleet-*.json --html fleet.html\n" +
				"kubectl delete -f docker/fleet/kubernetes.yaml",
			class: insteadTest, by: "TestManifestsAreHeldToTheSchema", folder: docker, why: "it takes a cluster and a registry",
		},
		{
			text:  "docker/build-base --debian trixie",
			class: insteadTest, by: "TestDockerVerdicts", folder: docker, why: "it takes root, debootstrap and a Docker daemon on Debian",
		},
		{text: "go mod download -json golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64", class: weekly},
		{text: "apt-get install docker.io docker-compose debootstrap", class: byHand, why: "it changes the machine"},
		{text: "CURLPIPE_DOCKER=1 scripts/test -run TestDocker ./harness/acceptance/docker", class: byHand, why: "it needs a Docker daemon in the container of the weekly job"},
	},
	"curlpipe/README.md": {
		{text: "scripts/build-libcurl --variant patched", class: again},
	},
	"curlpipe/upstream/README.md": {
		{text: "go test -v ./curlpipe/upstream", class: aTest},
		{
			text:  "cc -o flood testdata/http2-flood.c -lcurl -lpthread && ./flood",
			files: []string{"curlpipe/upstream/testdata/http2-flood.c", "curlpipe/upstream/testdata/origin.h"}, mayFail: true, says: "shown|right|none",
			first: patched + "export CPATH=$prefix/include LIBRARY_PATH=$prefix/lib\ncd curlpipe/upstream",
		},
	},
	"harness/README.md": {
		{text: "scripts/reproduce", class: again},
		{text: "build/pipelab list", says: "one-connection"},
		{text: "build/pipelab run --scenario 'reported*' --driver perform,socket", class: weekly},
		{text: "build/pipelab man ~/.local/share/man/man1", then: "test -s ~/.local/share/man/man1/pipelab-run.1"},
		{text: "source <(build/pipelab completion bash)"},
	},
	"harness/docs/bench.md": {
		{text: "scripts/bench", class: weekly},
		{text: "scripts/bench --depth 100 --body 12,1024 --tls 1.2,1.3,plain", class: weekly},
		{text: "scripts/bench --rtt 20 --client curlpipe,net-http-h1 --json rows.json", class: weekly, then: "test -s rows.json"},
		{text: "scripts/bench --depth 100,1000 --body 12,1024,102400", class: weekly},
		{text: "scripts/bench --depth 1,16,100,1000,10000 --rounds 4 --client curlpipe,curlpipe-h2,curlpipe-h2-new,c-loop,c-loop-h2,fasthttp,net-http-h2,floor --update harness/docs/bench.md", class: weekly, files: []string{"harness/docs/bench.md"}},
		{text: "scripts/bench --against main", class: weekly, mayFail: true, says: "curlpipe"},
	},
	"harness/docs/check.md": {
		{text: "build/pipelab check -- curl {url}/1 {url}/2", class: again},
		{text: "build/pipelab check --scenario '*' -- curl --fail-early {url}/1 {url}/2 {url}/3", class: weekly, mayFail: true, says: `(?m)^curl: \d+ pass`, needs: []string{"curl"}},
		{text: "build/pipelab check --stall -- curl -T {file} {url}/1", needs: []string{"curl"}},
		{text: "build/pipelab check --http2 -- curl --http2 --parallel {url}/1 {url}/2", needs: []string{"curl"}},
		{text: "build/pipelab check -- wget -O - --ca-certificate={ca} {url}/1 {url}/2", needs: []string{"wget"}},
		{text: "build/pipelab check --requests 100 -- h2load --h1 -n 100 -c 1 -m 10 {url}/", needs: []string{"h2load"}},
		{text: "build/pipelab check --plain --requests 100 -- ab -k -n 100 -c 1 {url}/", needs: []string{"ab"}},
	},
	"harness/docs/clients.md": {
		{text: "scripts/clients", class: weekly},
		{text: "scripts/clients curl wrk --json results.json", class: weekly, then: "test -s results.json"},
		{text: "scripts/clients --npm FOLDER", class: weekly, first: "mkdir FOLDER"},
		{text: "scripts/clients wrk --scenario blocked-write", class: again},
	},
	"harness/docs/evidence.md": {
		{text: "build/pipelab run --scenario reported --capture --out evidence\nbuild/pipelab report evidence", needs: []string{"tshark"}, then: "test -s evidence/index.html"},
		{
			text:  "tshark -r capture.pcapng -o tcp.reassemble_out_of_order:TRUE -Y 'http.request || tcp.flags.reset == 1'",
			first: capture, says: `GET /[\s\S]*RST`, needs: []string{"tshark"},
		},
		{
			text: "build/pipelab run --capture --out DIR --scenario reported --subject c-demo --requests 20\n" +
				"build/pipelab report DIR --picture harness/show/report/reported.svg",
			files: []string{"harness/show/report/reported.svg"}, needs: []string{"tshark"},
		},
	},
	"harness/docs/extend.md": {
		{text: "cd harness && go test ./cmd/pipelab -update", class: weekly, first: patched + clone + "cp -r \"$CHECKOUT/build\" .", then: "git diff --exit-code"},
	},
	"harness/docs/fleet.md": {
		{text: "build/pipelab fleet", class: again},
		{text: "build/pipelab fleet --clients 500 --client c-fleet,curlpipe-fleet --html fleet.html", class: weekly, then: "test -s fleet.html"},
		{text: "build/pipelab fleet --tls 1.3 --library patched", class: weekly},
		{
			text: "pipelab fleet serve --listen 0.0.0.0:8443 --control 0.0.0.0:8080\n" +
				"pipelab fleet --server http://SERVER:8080 --shard 1/2 --json 1.json\npipelab merge 1.json 2.json --html fleet.html",
			class: insteadTest, by: "TestFleetInShards", folder: acceptance, why: "it takes three machines; the test has the same processes on one",
		},
		{text: "pipelab report DIR", first: "build/pipelab run --scenario honest-origin --library patched --subject c-demo --out DIR"},
	},
	"harness/docs/matrix.md": {
		{text: "scripts/matrix", class: insteadJob, by: "matrix", as: "scripts/matrix --shard", why: "the job divides the matrix among five machines"},
		{text: "scripts/matrix --scenario reported", class: weekly},
		{text: "scripts/matrix --openssl trixie,system --libcurl patched --tls 1.3 --subject c-demo", class: weekly},
		{text: "scripts/matrix --scenario 'reported*' --html page --junit matrix.xml", class: weekly, then: "test -s page/index.html -a -s matrix.xml"},
		{text: "scripts/matrix --shard 2/5 --json 2.json", class: weekly},
		{text: "build/pipelab merge 1.json 2.json 3.json 4.json 5.json --json matrix.json", class: weekly, first: shards5},
		{text: "build/pipelab run --library packaged", class: weekly, first: "scripts/fetch-libcurl"},
	},
	"harness/docs/run.md": {
		{
			text: "build/pipelab run --scenario reported --library patched --subject c-demo --wrap 'gdb --args'\n" +
				"build/pipelab run --scenario reported --library patched --subject c-demo --wrap 'valgrind -q'",
			class: insteadTest, by: "TestWrapOnATerminal", folder: acceptance, why: "gdb waits for somebody to type; the test has another debugger and a terminal",
		},
		{text: "build/pipelab run --scenario 'reported*' --driver perform,socket --repeat 50", class: weekly},
		{
			text:  "build/pipelab run --library stock,./prefix --json runs.json",
			first: "ln -s \"$(scripts/build-libcurl --variant patched)\" prefix", class: weekly, then: "test -s runs.json",
		},
		{text: "go run ./harness/cmd/pipelab run", class: weekly, inRoot: true},
	},
	"harness/docs/scenarios.md": {
		{text: "build/pipelab list", class: again},
	},
	"harness/docs/series.md": {
		{text: "scripts/releases --source ~/src/curl 7.58.0 7.61.1", class: weekly},
		{text: "scripts/submit OUT --for tests --source ~/src/curl", class: weekly, then: "ls OUT"},
		{text: "scripts/submit OUT --for rpm", class: weekly, then: "ls OUT"},
		{text: "scripts/package --deb", class: again},
	},
	"harness/docs/soak.md": {
		{text: "build/pipelab run --scenario '*' --subject c-demo --driver perform,socket", class: weekly},
		{text: "build/pipelab run --requests 1000 --subject c-demo --driver perform,socket", class: weekly},
		{text: "scripts/build-libcurl --variant patched --sanitize\nbuild/pipelab soak --minutes 30 --library patched-sanitize", class: weekly},
		{text: "scripts/build-libcurl --variant moving-buffer", class: weekly},
	},
}
