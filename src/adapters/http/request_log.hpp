// Records of requests: metrics, the log and the audit log. Internal to the server.
#pragma once

#include "adapters/access/audit_log.hpp"
#include "adapters/http/exchange.hpp"
#include "ports/metrics.hpp"

namespace classifier::http {

// Counts and logs a request that was answered. `observer` may be null.
void record_request(const Exchange& exchange, RequestObserver* observer);

// Writes a request of an audited route to the audit log, which may be null. Called before the
// answer is sent, so that every action that a client knows of is in the log.
void audit_request(const Exchange& exchange, const AuditLog* audit);

}  // namespace classifier::http
