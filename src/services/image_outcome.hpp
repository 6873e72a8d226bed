// From the pipeline's result of one image to its outcome.
#pragma once

#include "domain/job.hpp"
#include "ports/object_store.hpp"
#include "services/pipeline.hpp"

namespace classifier {

// Moves the predictions or the error out of `result`.
ImageOutcome take_outcome(PipelineResult& result);

// Copies the image to the output bucket if it is classified, and sets `output_key`. If the copy
// fails, its error becomes the outcome.
void copy_classified(ImageOutcome& outcome, const ImageTask& task, ObjectStore& objects);

}  // namespace classifier
