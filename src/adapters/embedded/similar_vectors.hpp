// All pairs of vectors that are alike.
#pragma once

#include <cstddef>
#include <functional>

#include "adapters/embedded/vector_file.hpp"

namespace classifier {

// Calls `use(a, b, similarity)`, by one thread at a time, with the numbers of rows, a < b, whose
// cosine is at least `min_similarity`, within about 0.005. Few rows are compared each with each. Of
// more than `kEachWithEach` those are compared that are near to the same of about 2√n centres
// (k-means; each row belongs to the four that it is nearest to), which may miss a pair near
// `min_similarity`. Ends early once `stopped` returns true. Memory: 40 bytes a row.
constexpr std::size_t kEachWithEach = 20'000;
void similar_vectors(const VectorRows& rows, std::size_t dimensions, float min_similarity,
                     std::size_t threads,
                     const std::function<void(std::size_t, std::size_t, float)>& use,
                     const std::function<bool()>& stopped);

}  // namespace classifier
