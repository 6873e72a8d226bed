// What the embeddings of labels say about them before any image is classified. Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace classifier {

// `embeddings` has a row of length 1 for each label. A sentence for each group of labels whose rows
// are the same.
std::vector<std::string> indistinct_labels(std::span<const float> embeddings,
                                           std::span<const std::string> labels);

// A sentence about the labels that are near to none of the `classes`, rows of length 1; empty where
// there are no such labels, or no classes.
std::string unknown_labels(std::span<const float> embeddings, std::span<const std::string> labels,
                           std::span<const float> classes);

}  // namespace classifier
