// The stores of a worker, each with its gate. Internal to the worker.
#pragma once

#include <stop_token>

#include "services/store_gate.hpp"
#include "services/worker.hpp"

namespace classifier {

struct StoreGates {
  explicit StoreGates(const Worker::Ports& ports, StoreGateOptions options)
      : images(
            "image store", [&objects = ports.objects] { return objects.ping(); }, ports.metrics,
            options),
        jobs(
            "job store", [&jobs = ports.jobs] { return jobs.ping(); }, ports.metrics, options),
        queue(
            "work queue", [&queue = ports.queue] { return queue.ping(); }, ports.metrics, options),
        results(
            "store of results", [&results = ports.results] { return results.ping(); },
            ports.metrics, options) {}

  bool all_open() const { return images.open() && jobs.open() && queue.open() && results.open(); }

  // False if a stop is requested.
  bool wait_until_open(const std::stop_token& stop) {
    for (StoreGate* const gate : {&images, &jobs, &queue, &results}) {
      if (!gate->wait_until_open(stop)) return false;
    }
    return true;
  }

  StoreGate images;
  StoreGate jobs;
  StoreGate queue;
  StoreGate results;
};

}  // namespace classifier
