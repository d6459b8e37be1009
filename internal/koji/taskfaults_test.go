package koji

import (
	"testing"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// Faults with code 1005 that a builder raises about itself or about the hub's
// configuration say nothing of the package. The texts are those of Koji 1.35.3.
func TestFaultsOfBuilders(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"host builder9.example.test (ppc64) does not support any arches of tag f44-build (aarch64, x86_64)",
		"No arch list for this host: builder9.example.test",
		"No arch list for tag: f44-build",
		"No arches for tag f44-build [11]",
		"SRPM file missing: /mnt/koji/work/tasks/2347/12347/foo-1-1.fc44.src.rpm",
		"The build system failed to set the packager tag",
		"The build system failed to set the vendor tag",
		"The build system failed to set the distribution tag",
		"Repo/Target mismatch: f44-build/f45-build",
		"could not find a built srpm",
		"error building package (arch x86_64), mock was killed by signal 15; see root.log for more information",
		"error building package (arch x86_64), mock exited with status 70; see root.log for more information",
	} {
		if got := ClassOfTask(&xmlrpc.Fault{Code: 1005, String: text}); got == PackageOwn {
			t.Errorf("counts against the package: %s", text)
		}
	}
	for _, text := range []string{
		"error building package (arch x86_64), mock exited with status 10; see build.log for more information",
		"error building srpm, mock exited with status 1; see build.log or root.log for more information",
		"The following noarch package built differently on different architectures: foo-doc-1-1.fc44.noarch.rpm\nrpmdiff output was:\nremoved     PROVIDES foo",
		"No valid arches were found. tag ['x86_64'], extra None,exclusive ['s390x'], exclude []",
		"No matching arches were found",
		"error building package (arch x86_64), mock exited with status 40; see root.log for more information",
		"error building package (arch x86_64), mock exited with status 11; see root.log for more information",
		"error building package (arch x86_64), mock exited with status 1; see build.log or root.log for more information",
	} {
		if got := ClassOfTask(&xmlrpc.Fault{Code: 1005, String: text}); got != PackageOwn {
			t.Errorf("%s, not the package's: %s", got, text)
		}
	}
}
