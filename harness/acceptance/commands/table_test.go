package commands_test

// class says what runs a command.
type class int

const (
	now    class = iota // this test, always
	weekly              // this test with CURLPIPE_LONG set, in the weekly job
	byTest              // another test
	byJob               // a job of the hosted CI
	byHand              // nobody: it changes a machine or needs a cluster
)

// command is one that a document shows.
type command struct {
	// text is the command, of one line or more.
	text  string
	class class
	// as is what is run in its place: with a source or a folder that a test has,
	// or with less of everything. For byJob it is what the job has; empty is the
	// text itself.
	as string
	// says, if not empty, is what it has to print: a regular expression.
	says string
	// by is the test of the folder, the job, or why nothing runs it.
	by, folder string
	// needs are programs that scripts/setup --tests installs, and without which
	// the command is left out.
	needs []string
	// files of the checkout are copied to the folder that it is run in.
	files []string
	// inRoot has it run in the checkout instead of an empty folder.
	inRoot bool
}

const (
	acceptance = "harness/acceptance"
	patches    = "harness/acceptance/patches"
	docker     = "harness/acceptance/docker"
	pipelab    = "harness/cmd/pipelab"
)

// patched lets the go command find the patched libcurl.
const patched = "prefix=$(scripts/build-libcurl --variant patched)\n" +
	"export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib\n"

// notCommands are how blocks begin that show something else.
var notCommands = []string{
	"scenario   subject", "client  depth", "c-fleet", `{"openssl"`, "long groups", "build/pipelab check [FLAG",
}

// table has every command of every document.
var table = map[string][]command{
	"README.md": {
		{text: "./scripts/reproduce", says: `6 of 6 runs as expected`},
		{text: "./scripts/test", class: byJob, by: "test", as: "scripts/test"},
		{text: "scripts/build-libcurl --variant patched --version 7.61.1", class: byJob, by: "releases", as: "scripts/releases"},
		{text: "scripts/build-libcurl --variant patched --source ~/src/curl --version 7.58.0"},
		{text: "scripts/build-libcurl --variant patched --source curl-7.61.1-34.el8.src.rpm", class: byTest, by: "TestSourceRPM", folder: "scripts"},
		{text: "scripts/submit OUT", class: weekly},
		{text: "scripts/clients wrk --scenario blocked-write", class: weekly, says: `other bytes`, needs: []string{"wrk"}},
		{text: "scripts/clients nginx --scenario blocked-write", class: weekly, says: `longer with the same start`, needs: []string{"nginx"}},
		{text: "scripts/package --deb", class: weekly},
		{text: "scripts/build-openssl --version 1.0.1m", class: byJob, by: "releases"},
		{
			text: "prefix=$(scripts/build-libcurl --variant patched)\n" +
				"export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib\ngo build ./...",
			inRoot: true,
		},
		{text: "build/pipelab check -- curl {url}/1 {url}/2", needs: []string{"curl"}, says: `one-connection +pass`},
		{text: "build/pipelab fleet", class: weekly},
		{text: "docker/build --debian trixie", class: byJob, by: "docker", as: `docker/build --debian "$DEBIAN"`},
		{text: "docker run --rm curlpipe:trixie run --scenario reported", class: byTest, by: "TestDockerVerdicts", folder: docker},
		{text: "go doc ./curlpipe", inRoot: true, says: "package curlpipe"},
	},
	"patches/README.md": {
		{text: "scripts/series 7.61.1 OUT", as: "scripts/series 7.61.1 OUT && cat OUT/series", says: `(?m)^0701-`},
		{text: "scripts/build-libcurl --variant patched --source ~/src/curl --version 7.61.1"},
		{text: "scripts/build-libcurl --variant patched --source ~/rpm/curl", class: byTest, by: "TestRPMSourceTree", folder: "scripts"},
		{text: "scripts/build-libcurl --variant patched --source curl.dsc", class: byTest, by: "TestDebianSourcePackage", folder: "scripts"},
		{
			text: "scripts/series 7.61.1 ~/doing\ncd ~/curl-7.61.1\nfor name in $(cat ~/doing/series); do\n" +
				"  patch -p1 --fuzz=0 <~/doing/$name || break\ndone",
			class: byTest, by: "TestRecipesOfVendors", folder: patches,
		},
		{
			text: "scripts/series 7.58.0 ~/doing\ncp ~/doing/*.patch ~/curl-7.58.0/debian/patches/\n" +
				"cat ~/doing/series >>~/curl-7.58.0/debian/patches/series",
			class: byTest, by: "TestRecipesOfVendors", folder: patches,
		},
		{
			text: "scripts/series 7.61.1 ~/doing\ncp ~/doing/*.patch ~/rpm/curl/SOURCES/\n" +
				`awk '{ print "Patch" 900 + NR ": " $1 }' ~/doing/series` + "\n" +
				`awk '{ print "%patch -P " 900 + NR " -p1" }' ~/doing/series`,
			class: byTest, by: "TestRecipesOfVendors", folder: patches,
		},
		{
			text: "scripts/releases --source ~/src/curl --update patches/README.md", class: weekly,
			as:    "scripts/releases --source ~/src/curl --scenario reported --update patches/README.md 7.58.0",
			files: []string{"patches/README.md"},
		},
		{text: "scripts/build-libcurl --variant patched"},
		{text: "build/pipelab run --scenario '*' --driver perform,socket", class: weekly},
		{text: "scripts/submit OUT", class: weekly},
		{text: "scripts/submit --for rpm", class: weekly, as: "scripts/submit --for rpm OUT"},
		{text: "pipelab run --scenario '*' --driver perform,socket", class: byTest, by: "TestEveryScenario", folder: acceptance},
		{
			text:  "pipelab run --scenario h2-reported --driver socket --library stock-full,patched-full",
			class: byTest, by: "TestEveryScenarioOverHTTP2", folder: acceptance,
		},
		{text: "go test ./harness/acceptance/framing", class: byTest, by: "TestTable", folder: "harness/acceptance/framing"},
		{text: "go test ./harness/acceptance/framing -run Cut", class: byTest, by: "TestCut", folder: "harness/acceptance/framing"},
		{text: "go test ./harness/acceptance -run Proven", class: byTest, by: "TestEachPatchIsProven", folder: acceptance},
		{text: "go test ./harness/acceptance/patches", class: byTest, by: "TestSeriesGoesInAndIsCleanAtEveryStep", folder: patches},
	},
	"CONTRIBUTING.md": {
		{text: "scripts/test", class: byJob, by: "test"},
		{text: "scripts/test -run Invariants ./harness/run/judge", class: weekly, says: `ok .*harness/run/judge`},
		{text: "scripts/reproduce", class: byTest, by: "TestCommands", folder: acceptance + "/commands"},
		{
			text: "prefix=$(scripts/build-libcurl --variant patched)\n" +
				"export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib\n" +
				"go test ./... ./curlpipe/metrics/... ./harness/...\ngo test -tags curlpipe_poll ./cshim ./curlpipe",
			class: byJob, by: "test", as: "scripts/test",
		},
		{
			text: "go test ./curlpipe -run HostileServer -hostile 1000000 -timeout 2h", class: weekly, inRoot: true,
			as: patched + "go test ./curlpipe -run HostileServer -hostile 1000000 -timeout 2h",
		},
		{
			text: "go test ./curlpipe -fuzz FuzzHostileServer", class: weekly, inRoot: true,
			as: patched + "go test ./curlpipe -run '^$' -fuzz FuzzHostileServer -fuzztime 5m",
		},
		{
			text: "CURLPIPE_MODEL=200000 go test ./curlpipe -run ModelOfSendings -timeout 1h", class: weekly, inRoot: true,
			as: patched + "CURLPIPE_MODEL=200000 go test ./curlpipe -run ModelOfSendings -timeout 1h",
		},
		{
			text: "go test ./curlpipe -run CancellationStorm -storm 100000 -timeout 1h", class: weekly, inRoot: true,
			as: patched + "go test ./curlpipe -run CancellationStorm -storm 100000 -timeout 1h",
		},
		{
			text: "CURLPIPE_LONG=1 go test ./curlpipe -run 'Unsolicited|Injected'", class: weekly, inRoot: true,
			as: patched + "CURLPIPE_LONG=1 go test ./curlpipe -run 'Unsolicited|Injected'",
		},
		{text: "CURLPIPE_DOCKER=1 scripts/test -run DockerVerdicts ./harness/acceptance/docker", class: byTest, by: "TestDockerVerdicts", folder: docker},
		{text: "scripts/curl-suite --source CLONE --version 7.53.1", class: weekly, as: "scripts/curl-suite --source ~/src/curl --version 7.53.1"},
		{
			text: "scripts/curl-suite --source CLONE --version 7.53.1 90 530 1901", class: weekly,
			as: "scripts/curl-suite --source ~/src/curl --version 7.53.1 90 530 1901",
		},
		{text: "scripts/check-builds", class: weekly},
		{text: "scripts/bench --against origin/main", class: weekly, as: "scripts/bench --against HEAD --depth 1"},
		{text: "scripts/bench --against HEAD~1 --depth 100,10000", class: weekly, as: "scripts/bench --against HEAD --depth 100"},
		{text: "GOWORK=off go mod tidy", class: byHand, by: "it changes go.mod"},
		{text: "go work sync", class: byHand, by: "it is what not to do"},
		{text: "go test ./harness/acceptance/ownership", class: byTest, by: "TestOwnership", folder: "harness/acceptance/ownership"},
		{text: "scripts/build-libcurl --sanitize", class: weekly},
		{
			text:  "build/pipelab run --scenario ID --library stock,patched",
			class: byTest, by: "TestCommands", folder: acceptance + "/commands",
		},
		{text: "CURLPIPE_LONG=1 scripts/test -run Proven ./harness/acceptance", class: byTest, by: "TestEachPatchIsProven", folder: acceptance},
		{text: "scripts/build-libcurl --variant patched"},
		{text: "scripts/submit OUT", class: byTest, by: "TestCommands", folder: acceptance + "/commands"},
	},
	"docker/README.md": {
		{text: "docker/build --debian trixie", class: byJob, by: "docker", as: `docker/build --debian "$DEBIAN"`},
		{text: "docker run --rm curlpipe:trixie run --scenario reported", class: byTest, by: "TestDockerVerdicts", folder: docker},
		{text: "docker run --rm curlpipe:trixie list", class: byTest, by: "TestDockerVerdicts", folder: docker},
		{text: "docker build -f docker/Dockerfile --build-arg DEBIAN=trixie -t curlpipe:trixie .", class: byTest, by: "TestBuildArguments", folder: docker},
		{text: "docker compose -f docker/compose.yaml up bookworm trixie", class: byTest, by: "TestDockerVerdicts", folder: docker},
		{
			text:  "SCENARIO='idle-*' docker compose -f docker/compose.yaml run --rm trixie",
			class: byJob, by: "docker", as: `docker compose --file docker/compose.yaml run --rm "$DEBIAN"`,
		},
		{text: "docker compose -f docker/fleet/compose.yaml run --rm merge", class: byTest, by: "TestDockerFleet", folder: docker},
		{text: "docker compose -f docker/fleet/compose.yaml down", class: byTest, by: "TestDockerFleet", folder: docker},
		{
			text: "kubectl apply -f docker/fleet/kubernetes.yaml\n" +
				"kubectl wait --for=condition=complete --timeout=1h job/curlpipe-fleet\nfor index in 0 1 2 3; do\n" +
				`  kubectl logs -l "batch.kubernetes.io/job-name=curlpipe-fleet,batch.kubernetes.io/job-completion-index=$index" ` +
				"--tail=-1 | sed -n '/^{/,$p' > fleet-$index.json\ndone\npipelab merge fleet-*.json --html fleet.html\n" +
				"kubectl delete -f docker/fleet/kubernetes.yaml",
			class: byTest, by: "TestManifestsAreHeldToTheSchema", folder: docker,
		},
		{text: "docker/build-base --debian trixie", class: byTest, by: "TestDockerVerdicts", folder: docker},
		{text: "go mod download -json golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64", class: byTest, by: "TestToolchainIsPinned", folder: docker},
		{text: "apt-get install docker.io docker-compose debootstrap", class: byHand, by: "it changes the machine"},
		{text: "CURLPIPE_DOCKER=1 scripts/test -run TestDocker ./harness/acceptance/docker", class: byTest, by: "TestDockerVerdicts", folder: docker},
	},
	"CHANGELOG.md": {
		{text: "pipelab run --wrap 'gdb --args'", class: byTest, by: "TestWrap", folder: acceptance},
	},
	"curlpipe/README.md": {
		{text: "scripts/build-libcurl --variant patched"},
	},
	"curlpipe/upstream/README.md": {
		{text: "go test -v ./curlpipe/upstream", class: byTest, by: "TestFaultsOfLibcurl", folder: "curlpipe/upstream"},
		{text: "cc -o flood testdata/http2-flood.c -lcurl -lpthread && ./flood", class: byTest, by: "TestFaultsOfLibcurl", folder: "curlpipe/upstream"},
	},
	"harness/README.md": {
		{text: "scripts/reproduce", class: byTest, by: "TestCommands", folder: acceptance + "/commands"},
		{text: "build/pipelab list", says: "one-connection"},
		{text: "build/pipelab run --scenario 'reported*' --driver perform,socket", class: byTest, by: "TestEveryScenario", folder: acceptance},
		{text: "build/pipelab man ~/.local/share/man/man1"},
		{text: "source <(build/pipelab completion bash)"},
	},
	"harness/docs/bench.md": {
		{text: "scripts/bench", class: weekly, as: "scripts/bench --depth 100"},
		{text: "scripts/bench --depth 100 --body 12,1024 --tls 1.2,1.3,plain", class: weekly},
		{text: "scripts/bench --rtt 20 --client curlpipe,net-http-h1 --json rows.json", class: weekly},
		{
			text:  "scripts/bench --depth 100,1000 --body 12,1024,102400 --update harness/docs/bench.md",
			class: weekly, as: "scripts/bench --depth 100 --client curlpipe --update harness/docs/bench.md", files: []string{"harness/docs/bench.md"},
		},
		{text: "scripts/bench --depth 1,16,100,1000,10000", class: weekly, as: "scripts/bench --depth 1,10000 --client curlpipe"},
		{text: "scripts/bench --against main", class: weekly, as: "scripts/bench --against HEAD --depth 1"},
	},
	"harness/docs/check.md": {
		{text: "build/pipelab check -- curl {url}/1 {url}/2", needs: []string{"curl"}},
		{
			text:  "build/pipelab check --scenario '*' -- curl --fail-early {url}/1 {url}/2 {url}/3",
			class: byTest, by: "TestCheckOfScenarios", folder: pipelab,
		},
		{text: "build/pipelab check --stall -- curl -T {file} {url}/1", needs: []string{"curl"}},
		{text: "build/pipelab check --http2 -- curl --http2 --parallel {url}/1 {url}/2", needs: []string{"curl"}},
		{text: "build/pipelab check -- wget -O - --ca-certificate={ca} {url}/1 {url}/2", needs: []string{"wget"}},
		{text: "build/pipelab check --requests 100 -- h2load --h1 -n 100 -c 1 -m 10 {url}/", needs: []string{"h2load"}},
		{text: "build/pipelab check --plain --requests 100 -- ab -k -n 100 -c 1 {url}/", needs: []string{"ab"}},
	},
	"harness/docs/clients.md": {
		{text: "scripts/clients", class: weekly},
		{text: "scripts/clients wrk --scenario blocked-write", class: weekly, needs: []string{"wrk"}},
		{text: "scripts/clients curl wrk --json results.json", class: weekly},
		{text: "scripts/clients --npm FOLDER", class: weekly, as: "mkdir -p node && scripts/clients curl --npm node"},
	},
	"harness/docs/evidence.md": {
		{
			text:  "build/pipelab run --scenario reported --capture --out evidence\nbuild/pipelab report evidence",
			class: byJob, by: "evidence", as: "build/pipelab report results/evidence",
		},
		{
			text:  "tshark -r capture.pcapng -o tcp.reassemble_out_of_order:TRUE -Y 'http.request || tcp.flags.reset == 1'",
			class: byTest, by: "TestCaptureShowsTheDefectOfTheReport", folder: acceptance,
		},
		{
			text: "build/pipelab run --capture --out DIR --scenario reported --subject c-demo --requests 20\n" +
				"build/pipelab report DIR --picture harness/show/report/reported.svg",
			files: []string{"harness/show/report/reported.svg"}, needs: []string{"tshark"},
		},
	},
	"harness/docs/extend.md": {
		{text: "cd harness && go test ./cmd/pipelab -update", class: byTest, by: "TestManualHasTheScenarios", folder: pipelab},
	},
	"harness/docs/fleet.md": {
		{text: "build/pipelab fleet", class: byTest, by: "TestCommands", folder: acceptance + "/commands"},
		{
			text:  "build/pipelab fleet --clients 500 --client c-fleet,curlpipe-fleet --html fleet.html",
			class: weekly,
		},
		{text: "build/pipelab fleet --tls 1.3 --library patched", class: weekly},
		{
			text: "pipelab fleet serve --listen 0.0.0.0:8443 --control 0.0.0.0:8080\n" +
				"pipelab fleet --server http://SERVER:8080 --shard 1/2 --json 1.json\npipelab merge 1.json 2.json --html fleet.html",
			class: byTest, by: "TestFleetInShards", folder: acceptance,
		},
		{text: "pipelab report DIR", class: byTest, by: "TestReportHasTheFleet", folder: pipelab},
	},
	"harness/docs/matrix.md": {
		{text: "scripts/matrix", class: byJob, by: "matrix"},
		{text: "scripts/matrix --scenario reported", class: byTest, by: "TestMatrix", folder: acceptance},
		{text: "scripts/matrix --openssl trixie,system --libcurl patched --tls 1.3 --subject c-demo", class: weekly},
		{text: "scripts/matrix --html page --junit matrix.xml", class: byJob, by: "matrix", as: "scripts/matrix"},
		{text: "scripts/matrix --shard 2/5 --json 2.json", class: byJob, by: "matrix", as: `scripts/matrix --shard "$SHARD/$SHARDS"`},
		{
			text:  "build/pipelab merge 1.json 2.json 3.json 4.json 5.json --json matrix.json",
			class: byJob, by: "merge", as: "build/pipelab merge shards/*.json --json results/matrix.json",
		},
		{text: "build/pipelab run --library packaged", class: byTest, by: "TestMatrix", folder: acceptance},
	},
	"patches/tests-http/README.md": {
		{
			text: "cp .../patches/tests-http/test_70_write_retry.py .../patches/tests-http/write_retry.c tests/http/\n" +
				"cd tests/http && pytest test_70_write_retry.py",
			class: byHand, by: "it takes a built tree of today's curl with its test server",
		},
		{text: "scripts/submit --for tests --source CLONE OUT", class: byTest, by: "TestCommands", folder: acceptance + "/commands"},
		{text: "scripts/fetch-libcurl --openssl PREFIX", class: byTest, by: "TestASuitesOwnLibcurl", folder: "scripts"},
		{text: "scripts/build-openssl --suite trixie", class: byTest, by: "TestMatrix", folder: acceptance},
	},
	"harness/docs/run.md": {
		{
			text: "build/pipelab run --scenario reported --library patched --subject c-demo --wrap 'gdb --args'\n" +
				"build/pipelab run --scenario reported --library patched --subject c-demo --wrap 'valgrind -q'",
			class: byTest, by: "TestWrapOnATerminal", folder: acceptance,
		},
		{text: "build/pipelab run --scenario 'reported*' --driver perform,socket --repeat 50", class: weekly},
		{
			text: "build/pipelab run --library stock,/path/to/prefix --json runs.json", class: weekly,
			as: "build/pipelab run --library stock,$(scripts/build-libcurl --variant patched) --json runs.json",
		},
		{text: "go run ./harness/cmd/pipelab run", inRoot: true, as: "go run ./harness/cmd/pipelab run --scenario reported --subject c-demo"},
	},
	"harness/docs/scenarios.md": {
		{text: "build/pipelab list", class: byTest, by: "TestListForPeople", folder: pipelab},
	},
	"harness/docs/series.md": {
		{text: "scripts/releases --source ~/src/curl 7.58.0 7.61.1", class: byJob, by: "releases", as: "scripts/releases"},
		{text: "scripts/submit OUT --for tests --source ~/src/curl", class: weekly},
		{text: "scripts/submit OUT --for rpm", class: byTest, by: "TestCommands", folder: acceptance + "/commands"},
		{text: "scripts/package --deb", class: byTest, by: "TestCommands", folder: acceptance + "/commands"},
	},
	"harness/docs/soak.md": {
		{text: "build/pipelab run --scenario '*' --subject c-demo --driver perform,socket", class: weekly},
		{text: "build/pipelab run --requests 1000 --subject c-demo --driver perform,socket", class: weekly},
		{
			text:  "scripts/build-libcurl --variant patched --sanitize\nbuild/pipelab soak --minutes 30 --library patched-sanitize",
			class: weekly, as: "scripts/build-libcurl --variant patched --sanitize && build/pipelab soak --minutes 5 --library patched-sanitize",
		},
		{text: "scripts/build-libcurl --variant moving-buffer"},
	},
}
