// What is put into the queues and comes out of them, and the stores on AWS while something is
// wrong, against a service that the test plays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "adapters/aws/sqs_messages.hpp"

namespace classifier::aws {
namespace {

TEST(SqsMessages, TaskWithoutAFileNameHasTheNameInItsKey) {
  const auto filename_of = [](const std::string& key, const std::string& filename) {
    const auto task = sqs::read_task(R"({"job_id":"j","s3_keys":[")" + key +
                                     R"("],"index":0,"retry_count":0)" + filename + "}");
    return task ? task->filename : "refused: " + task.error().message;
  };
  EXPECT_EQ(filename_of("uploads/a.jpg", R"(,"filename":"b.jpg")"), "b.jpg");
  EXPECT_EQ(filename_of("uploads/a.jpg", ""), "a.jpg");
  EXPECT_EQ(filename_of("a.jpg", R"(,"filename":"")"), "a.jpg");
  EXPECT_EQ(filename_of("uploads/", R"(,"filename":"")"), "uploads/");
}

}  // namespace
}  // namespace classifier::aws
