// Random identifiers.
#pragma once

#include <cstddef>
#include <string>

#include "domain/time.hpp"

namespace classifier {

// `count` random hexadecimal digits from the operating system's generator.
std::string random_hex(std::size_t count);

// A UUID of version 7 (RFC 9562): the ids of later jobs sort after those of earlier ones.
std::string make_job_id(TimePoint now);

}  // namespace classifier
