package kojisim

// RecordBuild writes down the tasks by which a finished build was made.
func (w *System) RecordBuild(b *Build, r *Repo) {
	t := w.recorded(nil, "build", "", "noarch", b, r)
	url := "git+https://src.example.test/rpms/" + b.Package.Name
	t.Request = []any{url, w.Targets[0].Name, Options{}}
	b.TaskID, b.Source = t.ID, url
	b.Started = b.Finished.Add(-b.Package.BuildFor)
	srpm := w.recorded(t, "buildSRPMFromSCM", "srpm", "noarch", b, r)
	srpm.Request = []any{url, r.Tag.ID, repoOption(r)}
	for i, arch := range w.builtFor(b) {
		c := w.recorded(t, "buildArch", arch, arch, b, r)
		c.Request = []any{srpm.Dir() + "/" + b.SourceFile(), r.Tag.ID, arch, i == 0, repoOption(r)}
	}
}

// recorded makes a closed task.
func (w *System) recorded(parent *Task, method, label, arch string, b *Build, r *Repo) *Task {
	t := w.newTask(method, arch, nil, nil)
	t.Parent, t.Label, t.Owner, t.State = parent, label, b.Owner, TaskClosed
	t.Created, t.Started, t.Completed = w.Now.Add(-b.Package.BuildFor), w.Now.Add(-b.Package.BuildFor), w.Now
	t.Host = w.Hosts[t.ID%len(w.Hosts)]
	t.Notes.Source, t.Notes.Repo, t.Notes.BrootID = b, r, t.ID
	if parent != nil {
		parent.Children = append(parent.Children, t)
		t.Priority, t.Awaited = 19, flag(false)
	} else {
		t.Weight, t.Waiting = 0.2, flag(false)
	}
	return t
}
