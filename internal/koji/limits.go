package koji

import (
	"context"
	"io"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/loop"
)

const mebi = 1 << 20

// maxElements is how many elements a list has at most: several times those of
// the fullest tags there are.
const maxElements = 500_000

// answerLimits are how much a hub may answer to a call: an order of magnitude
// above what hubs do answer. A hub, or what stands in front of it, could fill our
// memory otherwise.
func answerLimits(method string) xmlrpc.Limits {
	limits := func(bytes, text int64) xmlrpc.Limits {
		return xmlrpc.Limits{Bytes: bytes, Text: int(text), Values: int(min(bytes/32, 1<<20))}
	}
	switch method {
	case "listTagged", "listPackages", "getLatestBuilds":
		return limits(256*mebi, mebi) // all of a distribution, an element at a time
	case "multiCall", "queryHistory", "getTagGroups", "getFullInheritance", "listBuildRPMs", "listRPMs", "listTasks",
		"listHosts", "getTaskInfo", "getTaskDescendents", "tagChangedSinceEvent":
		return limits(64*mebi, mebi)
	case "getTaskResult", "getBuild", "listTaskOutput": // with tracebacks, or whatever content generators add
		return limits(16*mebi, 8*mebi)
	case "downloadTaskOutput":
		return limits(64*mebi, 64*mebi) // as long as it was asked for
	default:
		return limits(mebi, mebi)
	}
}

// An aliveReader tells the pass that an answer is coming.
type aliveReader struct {
	ctx context.Context //nolint:containedctx // lives as long as the call
	r   io.Reader
}

func (r *aliveReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		loop.Alive(r.ctx)
	}
	return n, err
}
