// Command cluster is a Kubernetes of one node, in one process, for tests: etcd, the
// real API server, nine of the real controllers, and a kubelet of its own that runs the
// containers of pods with runc. Each pod has a network, an address and a root of its own;
// the root cannot be written, and the program in it has no capability. What is not here:
// a scheduler of pods (there is one node), a proxy (who asks a Service reads its
// EndpointSlices), a registry (an image is a directory that its digest names), enforced
// NetworkPolicies, and metrics for autoscaling.
//
// "make kubernetes" runs it. It needs root, runc and ip. It is a module of its own,
// because the API server takes some 16 CPU minutes to compile, once.
package main
