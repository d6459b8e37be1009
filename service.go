package koschei

// A Service is a part of Koschei that runs on its own, by the name that
// commands, logs, metrics and the record give it.
type Service string

// The services.
const (
	ServiceWatcher       Service = "watcher"
	ServicePolling       Service = "polling"
	ServiceRepoResolver  Service = "repo-resolver"
	ServiceBuildResolver Service = "build-resolver"
	ServiceScheduler     Service = "scheduler"
	ServiceLogReader     Service = "log-reader"
	ServiceSelfCheck     Service = "self-check"
	ServiceNotifier      Service = "notifier"
	ServiceOwners        Service = "owners"
	ServiceFrontend      Service = "frontend"
)
