package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

const nodeName = "node"

// A kubelet runs all pods there are on this machine.
type kubelet struct {
	api     *api
	network *network
	dir     string // for bundles, volumes and logs
	images  string
	probes  *http.Client

	mu      sync.Mutex
	workers map[types.UID]*worker
	running sync.WaitGroup
}

func newKubelet(a *api, n *network, o options) (*kubelet, error) {
	k := &kubelet{
		api: a, network: n, dir: filepath.Join(o.dir, "pods"), images: o.images, workers: map[types.UID]*worker{},
		probes: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	a.informers.Core().V1().Pods().Informer() // so that it is started with the others
	return k, os.MkdirAll(k.dir, 0o755)
}

// run runs pods until ctx ends, and ends them.
func (k *kubelet) run(ctx context.Context) error {
	server, err := k.serve()
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	if err := k.announce(ctx, server.Addr); err != nil {
		return err
	}
	_, err = k.api.informers.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(pod any) { k.see(ctx, pod.(*corev1.Pod)) },
		UpdateFunc: func(_, pod any) { k.see(ctx, pod.(*corev1.Pod)) },
		DeleteFunc: func(pod any) {
			if last, ok := pod.(cache.DeletedFinalStateUnknown); ok {
				pod = last.Obj
			}
			k.forget(pod.(*corev1.Pod))
		},
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	k.close()
	return nil
}

// close waits until no pod runs any more. Nobody is started once the context has ended,
// which see looks at with the lock held.
func (k *kubelet) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running.Wait()
}

// announce makes the node.
func (k *kubelet) announce(ctx context.Context, address string) error {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	port, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return err
	}
	has := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("16"), corev1.ResourceMemory: resource.MustParse("64Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: nodeName},
		Status: corev1.NodeStatus{
			Capacity: has, Allocatable: has,
			Conditions:      []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
			Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: host}},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(port)}},
		},
	}
	_, err = k.api.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	return err
}

// see hears of a new pod, or of a change of one.
func (k *kubelet) see(ctx context.Context, pod *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w := k.workers[pod.UID]
	if w == nil && ctx.Err() == nil {
		w = newWorker(k, pod.DeepCopy())
		k.workers[pod.UID] = w
		k.running.Go(func() { w.live(ctx) })
	}
	if w != nil && pod.DeletionTimestamp != nil {
		w.delete()
	}
}

func (k *kubelet) forget(pod *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if w := k.workers[pod.UID]; w != nil {
		w.delete()
		delete(k.workers, pod.UID)
	}
}

// find returns who works for a pod.
func (k *kubelet) find(namespace, name string) (*worker, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var found *worker
	for _, w := range k.workers {
		if w.pod.Namespace == namespace && w.pod.Name == name {
			found = w
		}
	}
	if found == nil {
		return nil, fmt.Errorf("no pod %s in %s", name, namespace)
	}
	return found, nil
}
