package daemon

// packageRules say what a package's files may import. To add a package, or an import that
// is not here, is a decision: make it here.
type packageRules struct {
	// ours are the packages of this module that files other than tests may import.
	ours []string
	// theirs are the modules that files other than tests may import.
	theirs []string
	// tests are the modules that test files may import beside those.
	tests []string
}

// Modules that several packages may import.
const (
	moduleGoleak     = "go.uber.org/goleak"
	moduleJWT        = "github.com/golang-jwt/jwt/v5"
	moduleJWKSet     = "github.com/MicahParks/jwkset"
	moduleMochi      = "github.com/mochi-mqtt/server/v2"
	moduleSys        = "golang.org/x/sys"
	moduleTOML       = "github.com/BurntSushi/toml"
	moduleProxy      = "github.com/pires/go-proxyproto"
	modulePrometheus = "github.com/prometheus/client_golang"
)

// layout has every package, by its folder. Imports point one way: cmd to the daemon, the
// daemon to config, auth and proxy, proxy to auth and packets. Neither packets nor config
// imports anything of ours.
var layout = map[string]packageRules{
	"auth": {},
	"auth/authtest": {
		theirs: []string{moduleJWT},
		tests:  []string{moduleJWKSet, moduleGoleak},
	},
	"auth/builtin": {
		ours:   []string{"auth", "auth/fair"},
		theirs: []string{"golang.org/x/crypto", moduleSys},
		tests:  []string{moduleGoleak},
	},
	"auth/fair": {},
	"auth/jwt": {
		ours:   []string{"auth"},
		theirs: []string{"filippo.io/bigmod", moduleJWT, moduleJWKSet, "github.com/MicahParks/keyfunc/v3"},
		tests:  []string{moduleGoleak},
	},
	"config": {
		theirs: []string{moduleTOML},
	},
	"packets": {},
	"proxy": {
		ours:   []string{"auth", "auth/fair", "packets", "proxy/relay", "proxy/secure", "proxy/socket", "proxy/upstream"},
		theirs: []string{moduleSys, moduleProxy},
		tests:  []string{moduleGoleak},
	},
	"proxy/admin": {
		ours:   []string{"auth", "packets", "proxy", "proxy/upstream"},
		theirs: []string{modulePrometheus},
		tests:  []string{moduleGoleak},
	},
	"proxy/proxytest": {
		ours:   []string{"packets"},
		theirs: []string{moduleGoleak},
	},
	"proxy/relay": {
		ours:   []string{"packets", "proxy/relay/uring", "proxy/socket"},
		theirs: []string{moduleSys},
		tests:  []string{moduleGoleak},
	},
	"proxy/relay/uring": {
		theirs: []string{moduleSys},
	},
	"proxy/secure": {},
	"proxy/socket": {
		theirs: []string{moduleSys},
		tests:  []string{moduleGoleak},
	},
	"proxy/upstream": {
		ours:   []string{"proxy/relay", "proxy/socket"},
		theirs: []string{moduleProxy},
		tests:  []string{moduleGoleak},
	},
	"cmd/internal/handover": {
		theirs: []string{moduleSys},
	},
	"cmd/internal/systemd": {
		theirs: []string{moduleSys},
	},
	"cmd/internal/daemon": {
		ours:   []string{"cmd/internal/handover", "cmd/internal/systemd", "auth", "auth/builtin", "auth/jwt", "config", "packets", "proxy", "proxy/admin", "proxy/relay", "proxy/secure", "proxy/upstream"},
		theirs: []string{"github.com/eclipse/paho.golang"},
	},
	"cmd/internal/mint": {
		theirs: []string{moduleJWT, moduleJWKSet},
	},
	"cmd/internal/mosquitto": {},
	"cmd/mqttward": {
		ours:   []string{"auth/builtin", "auth/jwt", "cmd/internal/daemon", "cmd/internal/mint", "cmd/internal/mosquitto", "config"},
		theirs: []string{"golang.org/x/term"},
		tests: []string{
			moduleGoleak, moduleMochi, "github.com/eclipse/paho.golang", "github.com/eclipse/paho.mqtt.golang",
			"github.com/rogpeppe/go-internal",
		},
	},
	"cmd/mqttward-bench": {
		ours:   []string{"packets"},
		theirs: []string{"golang.org/x/crypto", moduleSys},
	},
	"cmd/mqttward-demo": {
		ours:   []string{"cmd/internal/daemon", "config", "packets"},
		theirs: []string{moduleMochi},
	},
}

// maxLines is the length of a file that is no test.
const maxLines = 400

// badNames are names of packages that say nothing of what is in them.
var badNames = []string{"util", "utils", "common", "helper", "helpers", "misc"}
