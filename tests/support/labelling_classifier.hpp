// A classifier for tests: the content of an "image" is its label.
#pragma once

#include <string>
#include <vector>

#include "ports/classifier.hpp"

namespace classifier::testing {

// "broken" cannot be decoded, "torn" is not whole; "doubtful" has a score of 0.3, everything else
// 0.9.
class LabellingClassifier : public Classifier {
 public:
  std::vector<ModelInfo> models() const override {
    ModelInfo model;
    model.name = "labelling";
    model.is_default = true;
    model.num_labels = 2;
    return {model};
  }
  Result<std::string> resolve(JobType, std::string_view wanted) const override {
    if (wanted.empty() || wanted == "labelling") return std::string("labelling");
    return fail(ErrorCode::kNotFound, "there is no model " + std::string(wanted));
  }
  Result<std::vector<LabelGroup>> label_groups(std::string_view model) const override {
    if (model == "labelling") return std::vector<LabelGroup>{{"pet", {"cat", "dog"}}};
    return Classifier::label_groups(model);
  }
  Result<void> warm_up(const std::shared_ptr<const JobSpec>&, const std::stop_token&) override {
    return {};
  }
  Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec&) override {
    PreparedImage image;
    for (const std::byte byte : bytes) image.pixels.push_back(static_cast<std::uint8_t>(byte));
    const std::string content(image.pixels.begin(), image.pixels.end());
    if (content == "broken") return fail(ErrorCode::kUndecodable, "the image is broken");
    if (content == "torn") image.warning = "half of the image is missing";
    return image;
  }
  // The vector is the content, byte by byte.
  Result<std::vector<SeenImage>> see(std::span<const PreparedImage> images,
                                     const JobSpec&) override {
    std::vector<SeenImage> all;
    for (const auto& image : images) {
      SeenImage& seen = all.emplace_back();
      seen.vector.assign(image.pixels.begin(), image.pixels.end());
      seen.warning = image.warning;
    }
    return all;
  }
  Result<Predictions> rank(const SeenImage& image, const std::shared_ptr<const JobSpec>&) override {
    const std::string label(image.vector.begin(), image.vector.end());
    return Predictions{{label, label == "doubtful" ? 0.3F : 0.9F}, {"other", 0.1F}};
  }
  std::size_t preferred_batch(const JobSpec&) override { return 2; }
};

}  // namespace classifier::testing
