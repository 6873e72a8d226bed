// From the pipeline's result of one image to its outcome.
#pragma once

#include <functional>
#include <string>

#include "domain/error.hpp"
#include "domain/job.hpp"
#include "services/pipeline.hpp"

namespace classifier {

// Moves the predictions and the warning, or the error, out of `result`.
ImageOutcome take_outcome(PipelineResult& result);

// Copies the image to its key in the output bucket if it is classified, and sets `output_key`. If
// `copy_to` fails, its error becomes the outcome.
void copy_classified(ImageOutcome& outcome, const ImageTask& task,
                     const std::function<Result<void>(const std::string& output_key)>& copy_to);

}  // namespace classifier
