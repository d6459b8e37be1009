package schema

import (
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A ServiceStarts is how often a service was started lately.
type ServiceStarts struct {
	Service koschei.Service
	Count   int
	Holder  postgres.Holder // the last that did
	Ago     time.Duration   // real time
}

// ServiceStartsWithin selects the ServiceStarts within a time, $1, by name. The
// server's clock may have been set back since the last of them.
const ServiceStartsWithin = `
	SELECT service, count(*), (array_agg(holder ORDER BY started DESC, id DESC))[1], greatest(clock_timestamp() - max(started), '0')
	FROM service_start
	WHERE started > clock_timestamp() - $1::interval
	GROUP BY service
	ORDER BY service`
