package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"mqttward/config"
)

// tool skips a test where a program that it wants is not at hand.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	return path
}

func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// spare is more than it takes to end once drain_timeout is over.
const spare = 10 * time.Second

func TestTheUnitsAreGoodAndHardened(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	binary, err := exec.LookPath("mqttward")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"mqttward.service", "mqttward.socket"} {
		files = append(files, filepath.Join(dir, name))
		text := strings.ReplaceAll(deployed(t, name), "=/usr/bin/mqttward ", "="+binary+" ")
		if err := os.WriteFile(files[len(files)-1], []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// It exits with 0 where a key is unknown, too.
	if out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, files...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	var version int
	out, _ := exec.Command(analyze, "--version").Output()
	if _, err := fmt.Sscanf(string(out), "systemd %d", &version); err != nil || version < 250 {
		t.Skipf("this systemd can't judge a file: %q", out)
	}
	if out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold=20", files[0]).CombinedOutput(); err != nil {
		t.Errorf("exposed by more than 2.0 of 10: %v\n%s", err, out)
	}
}

// setting returns the value of a key that stands once in a unit.
func setting(t *testing.T, unit, key string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(deployed(t, unit), -1)
	if len(found) != 1 {
		t.Fatalf("%s: %s stands there %d times, want once", unit, key, len(found))
	}
	return found[0][1]
}

func TestTheUnitsFitTheConfiguration(t *testing.T) {
	text := "[[listener]]\nname = \"mqtt\"\nbind = \"0.0.0.0:1883\"\n" + upstreamAt("broker:1883") + sampleTokens
	c, err := config.Parse([]byte(text), "c.toml", t.TempDir(), config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stop, err := time.ParseDuration(setting(t, "mqttward.service", "TimeoutStopSec"))
	if want := c.Shutdown.DrainDelay + c.Shutdown.DrainTimeout + spare; err != nil || stop < want {
		t.Errorf("TimeoutStopSec is %v, %v; want %v at least", stop, err, want)
	}
	if name := setting(t, "mqttward.socket", "FileDescriptorName"); name != c.Listeners[0].Name {
		t.Errorf("the socket is %q, the shortest configuration's listener %q", name, c.Listeners[0].Name)
	}
	if port := setting(t, "mqttward.socket", "ListenStream"); !strings.HasSuffix(c.Listeners[0].Bind, ":"+port) {
		t.Errorf("the socket's port is %s, the listener's bind %s", port, c.Listeners[0].Bind)
	}
}

// object is one of YAML's.
type object map[string]any

// at returns what is below o by keys and indices; nil where nothing is.
func (o object) at(path ...any) any {
	var v any = map[string]any(o)
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}

func (o object) number(path ...any) time.Duration {
	n, _ := o.at(path...).(float64)
	return time.Duration(n)
}

// manifests are the objects of a file, by kind.
func manifests(t *testing.T, name string) map[string]object {
	t.Helper()
	python := tool(t, "python3")
	if exec.Command(python, "-c", "import yaml").Run() != nil {
		t.Skip("python3 has no yaml")
	}
	cmd := exec.Command(python, "-c", "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))")
	cmd.Stdin = strings.NewReader(deployed(t, name))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s is no YAML: %v", name, err)
	}
	var all []object
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	byKind := map[string]object{}
	for _, o := range all {
		byKind[fmt.Sprint(o["kind"])] = o
	}
	return byKind
}

func TestTheManifestsFitTheirConfiguration(t *testing.T) {
	all := manifests(t, "kubernetes.yaml")
	pod := object(all["Deployment"].at("spec", "template", "spec").(map[string]any))
	container := object(pod.at("containers", 0).(map[string]any))
	given := map[string]bool{}
	for i := 0; container.at("env", i) != nil; i++ {
		given[container.at("env", i, "name").(string)] = true
	}
	text := all["ConfigMap"].at("data", "mqttward.toml").(string)
	c, err := config.Parse([]byte(text), "mqttward.toml", t.TempDir(), config.LoadOptions{
		LookupEnv: func(name string) (string, bool) { return strings.Repeat("s", 40), given[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	grace := pod.number("terminationGracePeriodSeconds") * time.Second
	if want := c.Shutdown.DrainDelay + c.Shutdown.DrainTimeout + spare; grace < want {
		t.Errorf("terminationGracePeriodSeconds is %v, want %v at least", grace, want)
	}
	notice := time.Second * container.number("readinessProbe", "periodSeconds") * container.number("readinessProbe", "failureThreshold")
	if notice == 0 || notice > c.Shutdown.DrainDelay {
		t.Errorf("readiness is noticed within %v, want within drain_delay, %v", notice, c.Shutdown.DrainDelay)
	}
	ports := map[string]string{}
	for i := 0; container.at("ports", i) != nil; i++ {
		ports[container.at("ports", i, "name").(string)] = strconv.Itoa(int(container.number("ports", i, "containerPort")))
	}
	want := map[string]string{"admin": c.Admin.Bind}
	for _, l := range c.Listeners {
		want[l.Name] = l.Bind
	}
	for name, bind := range want {
		if _, port, _ := net.SplitHostPort(bind); ports[name] != port {
			t.Errorf("port %q is %q, want that of %q", name, ports[name], bind)
		}
	}
	for probe, path := range map[string]string{"readinessProbe": "/readyz", "livenessProbe": "/healthz", "startupProbe": "/healthz"} {
		if container.at(probe, "httpGet", "path") != path || container.at(probe, "httpGet", "port") != "admin" {
			t.Errorf("%s is %v, want %s of the port admin", probe, container.at(probe), path)
		}
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	user := fmt.Sprintf("USER %v:%v\n", pod.at("securityContext", "runAsUser"), pod.at("securityContext", "runAsGroup"))
	if !strings.Contains(string(dockerfile), user) || pod.at("securityContext", "runAsNonRoot") != true {
		t.Errorf("the Dockerfile has no %q", user)
	}
	if group := pod.at("securityContext", "fsGroup"); group == nil || group != pod.at("securityContext", "runAsGroup") {
		t.Errorf("the files of a Secret are of the group %v, which nobody in the container has", group)
	}
	if !c.Reload.Watch {
		t.Error("nobody sends a SIGHUP to a container: its files must be watched")
	}
	if got := fmt.Sprint(container.at("securityContext")); got != "map[allowPrivilegeEscalation:false capabilities:map[drop:[ALL]] readOnlyRootFilesystem:true]" {
		t.Errorf("the container may %s", got)
	}
	label := all["Deployment"].at("spec", "template", "metadata", "labels", "app")
	for kind, selects := range map[string]any{
		"Deployment":          all["Deployment"].at("spec", "selector", "matchLabels", "app"),
		"Service":             all["Service"].at("spec", "selector", "app"),
		"PodDisruptionBudget": all["PodDisruptionBudget"].at("spec", "selector", "matchLabels", "app"),
	} {
		if label == nil || selects != label {
			t.Errorf("%s selects %v, the pods are %v", kind, selects, label)
		}
	}
}

func TestTheAutoscalerFitsTheDeployment(t *testing.T) {
	scaler := manifests(t, "kubernetes-autoscaler.yaml")["HorizontalPodAutoscaler"]
	deployment := manifests(t, "kubernetes.yaml")["Deployment"]
	if got, want := scaler.at("spec", "scaleTargetRef", "name"), deployment.at("metadata", "name"); got != want || want == nil {
		t.Errorf("it scales %v, want %v", got, want)
	}
	pause := scaler.number("spec", "behavior", "scaleDown", "policies", 0, "periodSeconds")
	if grace := deployment.number("spec", "template", "spec", "terminationGracePeriodSeconds"); pause < grace {
		t.Errorf("one replica goes every %d s, and drains for %d s", pause, grace)
	}
	metric, _ := scaler.at("spec", "metrics", 0, "pods", "metric", "name").(string)
	w := startWard(t, plainListener, upstreamAt("127.0.0.1:1"), sampleTokens, "[admin]\nbind = \"127.0.0.1:0\"\n")
	answer, err := http.Get("http://" + w.daemon.AdminAddr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	metrics, err := io.ReadAll(answer.Body)
	if err != nil || metric == "" || !strings.Contains(string(metrics), "\n"+metric+"{") {
		t.Errorf("there is no metric %q, %v", metric, err)
	}
}
