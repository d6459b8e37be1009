package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// runOnce runs the container until it ends by itself, or has to, and returns its exit
// code.
func (w *worker) runOnce(ctx context.Context) (int, error) {
	spec := w.pod.Spec.Containers[0]
	startup, err := newProbe(spec.StartupProbe, spec, w.address)
	if err != nil {
		return 1, err
	}
	readiness, err := newProbe(spec.ReadinessProbe, spec, w.address)
	if err != nil {
		return 1, err
	}
	liveness, err := newProbe(spec.LivenessProbe, spec, w.address)
	if err != nil {
		return 1, err
	}
	c, err := w.startContainer()
	if err != nil {
		return 1, err
	}
	w.began = metav1.Now()
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: w.began}}
	w.report(ctx, corev1.PodRunning, running, readiness == nil)
	look := time.NewTicker(tick)
	defer look.Stop()
	for {
		select {
		case code := <-c.exited:
			return code, nil
		case <-w.deleted:
			return w.end(c), nil
		case <-ctx.Done():
			c.signal("KILL")
			return <-c.exited, ctx.Err()
		case <-look.C:
		}
		if startup != nil && !startup.ok { // the others wait for it
			if _, failed := startup.ask(ctx, w.probes); failed {
				return w.end(c), fmt.Errorf("it did not start: %s", startup.url)
			}
			continue
		}
		if changed, _ := readiness.ask(ctx, w.probes); changed {
			w.report(ctx, corev1.PodRunning, running, readiness.ok)
		}
		if _, failed := liveness.ask(ctx, w.probes); failed {
			return w.end(c), fmt.Errorf("it is not alive: %s", liveness.url)
		}
	}
}
