package pages

import (
	"testing"

	"github.com/koschei-ci/koschei"
)

// TestHubLinks leads to the hub that a build was made at.
func TestHubLinks(t *testing.T) {
	t.Parallel()
	s := &Site{config: Config{Koji: map[koschei.Hub]Koji{
		koschei.Primary:   {WebURL: "https://first.test/koji", TopURL: "https://first.test/files"},
		koschei.Secondary: {WebURL: "https://second.test/koji", TopURL: "https://second.test/files"},
	}}}
	task := koschei.Task{TaskID: 31234, State: koschei.TaskFailed}
	for hub, host := range map[koschei.Hub]string{koschei.Primary: "first", koschei.Secondary: "second"} {
		if got, want := s.taskURL(hub, 31234), "https://"+host+".test/koji/taskinfo?taskID=31234"; got != want {
			t.Errorf("task at the %s hub: %s, want %s", hub, got, want)
		}
		logs := s.logLinks(hub, task)
		if want := "https://" + host + ".test/files/work/tasks/1234/31234/build.log"; len(logs) != 2 || logs[0].URL != want {
			t.Errorf("logs at the %s hub: %v, want first %s", hub, logs, want)
		}
	}
}
