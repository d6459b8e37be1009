package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/cronjob"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/disruption"
	"k8s.io/kubernetes/pkg/controller/endpointslice"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

// workers is how many objects a controller looks at at once.
const workers = 3

// startControllers starts what kube-controller-manager would, as far as a chart needs
// it, and the informers of all parts.
func startControllers(ctx context.Context, a *api) error {
	about, err := metadata.NewForConfig(a.config)
	if err != nil {
		return err
	}
	var loops []func(context.Context)
	for _, add := range []func(context.Context, *api, metadata.Interface) (func(context.Context), error){
		deployments, replicaSets, jobs, cronJobs, disruptions, endpoints, namespaces, accounts,
	} {
		loop, err := add(ctx, a, about)
		if err != nil {
			return err
		}
		loops = append(loops, loop)
	}
	synced := make(chan struct{})
	metas := metadatainformer.NewSharedInformerFactory(about, 0)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(a.client.Discovery()))
	collector, err := garbagecollector.NewGarbageCollector(ctx, a.client, about, mapper,
		garbagecollector.DefaultIgnoredResources(), informerfactory.NewInformerFactory(a.informers, metas), synced)
	if err != nil {
		return err
	}
	a.informers.Start(ctx.Done())
	metas.Start(ctx.Done())
	close(synced)
	for _, loop := range loops {
		go loop(ctx)
	}
	go collector.Run(ctx, workers, patience)
	go collector.Sync(ctx, a.client.Discovery(), 10*time.Second)
	return nil
}

func deployments(ctx context.Context, a *api, _ metadata.Interface) (func(context.Context), error) {
	f := a.informers
	c, err := deployment.NewDeploymentController(ctx, f.Apps().V1().Deployments(), f.Apps().V1().ReplicaSets(), f.Core().V1().Pods(), a.client)
	return func(ctx context.Context) { c.Run(ctx, workers) }, err
}

func replicaSets(ctx context.Context, a *api, _ metadata.Interface) (func(context.Context), error) {
	f := a.informers
	c := replicaset.NewReplicaSetController(ctx, f.Apps().V1().ReplicaSets(), f.Core().V1().Pods(), a.client, replicaset.BurstReplicas)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func jobs(ctx context.Context, a *api, _ metadata.Interface) (func(context.Context), error) {
	f := a.informers
	c, err := job.NewController(ctx, a.client, f.Core().V1().Pods(), f.Batch().V1().Jobs(), nil, nil)
	return func(ctx context.Context) { c.Run(ctx, workers) }, err
}

func cronJobs(ctx context.Context, a *api, _ metadata.Interface) (func(context.Context), error) {
	f := a.informers
	c, err := cronjob.NewControllerV2(ctx, f.Batch().V1().Jobs(), f.Batch().V1().CronJobs(), a.client)
	return func(ctx context.Context) { c.Run(ctx, workers) }, err
}

func disruptions(ctx context.Context, a *api, _ metadata.Interface) (func(context.Context), error) {
	f, found := a.informers, a.client.Discovery()
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	scales, err := scale.NewForConfig(a.config, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(found))
	if err != nil {
		return nil, err
	}
	c := disruption.NewDisruptionController(ctx, f.Core().V1().Pods(), f.Policy().V1().PodDisruptionBudgets(), f.Core().V1().ReplicationControllers(),
		f.Apps().V1().ReplicaSets(), f.Apps().V1().Deployments(), f.Apps().V1().StatefulSets(), a.client, mapper, scales, found)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func endpoints(ctx context.Context, a *api, _ metadata.Interface) (func(context.Context), error) {
	const most = 100 // addresses of a slice
	f := a.informers
	c := endpointslice.NewController(ctx, f.Core().V1().Pods(), f.Core().V1().Services(), f.Core().V1().Nodes(), f.Discovery().V1().EndpointSlices(), most, a.client, 0)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func namespaces(ctx context.Context, a *api, about metadata.Interface) (func(context.Context), error) {
	c := namespace.NewNamespaceController(ctx, a.client, about, a.client.Discovery().ServerPreferredNamespacedResources, a.informers.Core().V1().Namespaces(), 0, corev1.FinalizerKubernetes)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func accounts(ctx context.Context, a *api, _ metadata.Interface) (func(context.Context), error) {
	f := a.informers
	c, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), f.Core().V1().ServiceAccounts(), f.Core().V1().Namespaces(), a.client, serviceaccount.DefaultServiceAccountsControllerOptions())
	return func(ctx context.Context) { c.Run(ctx, workers) }, err
}
