package deploy

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	alertsFile    = "chart/koschei/files/alerts.yaml"
	dashboardFile = "chart/koschei/files/dashboard.json"
	metricsPage   = "../docs/operations/metrics.md"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Prometheus takes the alert rules, and each fires when it should and not before.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	runIn(t, "", "promtool", "check", "rules", alertsFile)
	runIn(t, "monitoring", "promtool", "test", "rules", "alerts_test.yaml")
}

type alertRules struct {
	Groups []struct {
		Rules []struct{ Alert, Expr string }
	}
}

// Each alert has a test and is in the operators' table, in the same words.
func TestAlertsAreTestedAndTold(t *testing.T) {
	t.Parallel()
	var rules alertRules
	if err := yaml.Unmarshal([]byte(read(t, alertsFile)), &rules); err != nil {
		t.Fatal(err)
	}
	tests, page := read(t, "monitoring/alerts_test.yaml"), strings.ReplaceAll(read(t, metricsPage), `\|`, "|")
	for _, r := range rules.Groups[0].Rules {
		if !strings.Contains(tests, "alertname: "+r.Alert+"\n") {
			t.Errorf("no test lets %s fire", r.Alert)
		}
		if !strings.Contains(page, "`"+r.Expr+"`") {
			t.Errorf("%s has no row of %s: %s", metricsPage, r.Alert, r.Expr)
		}
	}
	if n := strings.Count(tests, "- name: "); n < len(rules.Groups[0].Rules) {
		t.Errorf("only %d tests", n)
	}
}

// Alerts and dashboard ask for metrics that there are: those of the operators' page,
// which another test compares with what processes have.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	page := read(t, metricsPage)
	dashboard := read(t, dashboardFile)
	if !json.Valid([]byte(dashboard)) {
		t.Errorf("%s is no JSON", dashboardFile)
	}
	asked := regexp.MustCompile(`koschei_[a-z_]+`).FindAllString(read(t, alertsFile)+dashboard, -1)
	slices.Sort(asked)
	asked = slices.Compact(asked)
	if len(asked) < 10 {
		t.Errorf("only %d metrics are asked for: %v", len(asked), asked)
	}
	for _, name := range asked {
		if !strings.Contains(page, "`"+strings.TrimSuffix(name, "_bucket")+"`") {
			t.Errorf("%s is no metric of ours", name)
		}
	}
}
