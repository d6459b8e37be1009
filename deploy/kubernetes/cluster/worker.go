package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

const (
	tick    = 200 * time.Millisecond // between two looks at a container
	backoff = 2 * time.Second        // before a container is started again
)

// errGone says that a pod is to end.
var errGone = errors.New("the pod is deleted")

// A worker runs one pod from its beginning to its end.
type worker struct {
	*kubelet
	pod      *corev1.Pod
	id       string // of its container and its network
	dir      string // of its bundle
	address  string
	began    metav1.Time // its container
	restarts int32

	deleted chan struct{}
	once    sync.Once
}

func newWorker(k *kubelet, pod *corev1.Pod) *worker {
	id := "koschei-" + string(pod.UID)
	return &worker{kubelet: k, pod: pod, id: id, dir: filepath.Join(k.dir, id), deleted: make(chan struct{})}
}

// delete tells the pod to end.
func (w *worker) delete() { w.once.Do(func() { close(w.deleted) }) }

// log is the file of what the pod says.
func (w *worker) log() string {
	return filepath.Join(w.kubelet.dir, w.pod.Namespace+"."+w.pod.Name+".log")
}

func (w *worker) live(ctx context.Context) {
	if err := w.start(ctx); err == nil {
		w.run(ctx)
	} else if ctx.Err() == nil && !errors.Is(err, errGone) {
		fmt.Fprintf(os.Stderr, "pod %s: %v\n", w.pod.Name, err)
	}
	if w.address != "" {
		if err := w.network.remove(w.id); err != nil {
			fmt.Fprintf(os.Stderr, "pod %s: %v\n", w.pod.Name, err)
		}
	}
	select {
	case <-w.deleted:
		w.release(ctx)
	case <-ctx.Done():
	}
}

// start does all that comes before the first container.
func (w *worker) start(ctx context.Context) error {
	if w.pod.Spec.NodeName == "" {
		to := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: w.pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: nodeName}}
		if err := w.api.client.CoreV1().Pods(w.pod.Namespace).Bind(ctx, to, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return err
	}
	address, err := w.network.add(ctx, w.id)
	if err != nil {
		return err
	}
	w.address = address.String()
	for {
		err := w.writeBundle(ctx)
		if err == nil {
			return nil
		}
		w.report(ctx, corev1.PodPending, waiting("ContainerCreating", err.Error()), false)
		if err := w.wait(ctx, backoff); err != nil {
			return err
		}
	}
}

// wait waits, unless the pod or the cluster ends meanwhile.
func (w *worker) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-w.deleted:
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run runs the container, and again as often as the pod's policy says.
func (w *worker) run(ctx context.Context) {
	for {
		code, err := w.runOnce(ctx)
		if err != nil {
			fmt.Fprintf(os.Stderr, "pod %s: %v\n", w.pod.Name, err)
		}
		if ctx.Err() != nil {
			return
		}
		policy := w.pod.Spec.RestartPolicy
		if w.isDeleted() || policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure && code == 0 {
			phase := corev1.PodSucceeded
			if code != 0 {
				phase = corev1.PodFailed
			}
			w.report(ctx, phase, w.ended(code), false)
			return
		}
		w.restarts++
		w.report(ctx, corev1.PodRunning, waiting("CrashLoopBackOff", fmt.Sprintf("the container ended with %d", code)), false)
		if w.wait(ctx, backoff) != nil {
			return
		}
	}
}

func (w *worker) isDeleted() bool {
	select {
	case <-w.deleted:
		return true
	default:
		return false
	}
}

// end asks a container to end, as a kubelet does, and returns its exit code.
func (w *worker) end(c *container) int {
	if l := w.pod.Spec.Containers[0].Lifecycle; l != nil && l.PreStop != nil && l.PreStop.Sleep != nil {
		time.Sleep(time.Duration(l.PreStop.Sleep.Seconds) * time.Second)
	}
	c.signal("TERM")
	select {
	case code := <-c.exited:
		return code
	case <-time.After(time.Duration(*w.pod.Spec.TerminationGracePeriodSeconds) * time.Second):
		c.signal("KILL")
		return <-c.exited
	}
}

// release lets the API server forget the pod.
func (w *worker) release(ctx context.Context) {
	now := int64(0)
	err := w.api.client.CoreV1().Pods(w.pod.Namespace).Delete(ctx, w.pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &w.pod.UID},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "pod %s: %v\n", w.pod.Name, err)
	}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func (w *worker) ended(code int) corev1.ContainerState {
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(code), Reason: reason, StartedAt: w.began, FinishedAt: metav1.Now(),
	}}
}

// report writes the state of the pod.
func (w *worker) report(ctx context.Context, phase corev1.PodPhase, state corev1.ContainerState, ready bool) {
	pods := w.api.client.CoreV1().Pods(w.pod.Namespace)
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		pod, err := pods.Get(ctx, w.pod.Name, metav1.GetOptions{})
		if err != nil || pod.UID != w.pod.UID {
			return err
		}
		w.describe(&pod.Status, phase, state, ready)
		_, err = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
		return err
	})
	if err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "pod %s: %v\n", w.pod.Name, err)
	}
}

func (w *worker) describe(s *corev1.PodStatus, phase corev1.PodPhase, state corev1.ContainerState, ready bool) {
	if s.StartTime == nil {
		now := metav1.Now()
		s.StartTime = &now
	}
	s.Phase, s.PodIP, s.PodIPs = phase, w.address, []corev1.PodIP{{IP: w.address}}
	s.HostIP, s.HostIPs = w.network.host.String(), []corev1.HostIP{{IP: w.network.host.String()}}
	condition(s, corev1.PodScheduled, true)
	condition(s, corev1.PodInitialized, true)
	condition(s, corev1.ContainersReady, ready)
	condition(s, corev1.PodReady, ready)
	c, started := w.pod.Spec.Containers[0], state.Running != nil
	s.ContainerStatuses = []corev1.ContainerStatus{{
		Name: c.Name, Image: c.Image, ImageID: c.Image, State: state, Ready: ready, Started: &started, RestartCount: w.restarts,
	}}
}

// condition sets a condition; its time is that of its last change.
func condition(s *corev1.PodStatus, of corev1.PodConditionType, is bool) {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	for i := range s.Conditions {
		if c := &s.Conditions[i]; c.Type == of {
			if c.Status != status {
				c.Status, c.LastTransitionTime = status, metav1.Now()
			}
			return
		}
	}
	s.Conditions = append(s.Conditions, corev1.PodCondition{Type: of, Status: status, LastTransitionTime: metav1.Now()})
}
