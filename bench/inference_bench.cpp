// Images per second of all installed models (MODELS_DIR). The pixels are arbitrary, since they do
// not affect the time of an inference.
#include <benchmark/benchmark.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <openvino/openvino.hpp>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "adapters/inference/model_folder.hpp"
#include "adapters/inference/openvino_classifier.hpp"
#include "support/files.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

constexpr int kBatches[] = {1, 2, 4, 8, 16};
constexpr int kStreams[] = {1, 2};
// kAuto: only for models with a graph in 8 bits.
constexpr Precision kPrecisions[] = {Precision::kFp32, Precision::kBf16, Precision::kAuto};
constexpr int kLabelCounts[] = {1, 10, 100, 1000};

std::string name_of(Precision precision) {
  if (precision == Precision::kAuto) return "int8";
  return precision == Precision::kFp32 ? "fp32" : "bf16";
}

bool has(const ModelFolder& folder, Precision precision) {
  return precision != Precision::kAuto || !folder.int8_graph.empty();
}

fs::path models_dir() {
  const char* const dir = std::getenv("MODELS_DIR");
  return dir != nullptr ? dir : MODELS_DIR;
}

// Shared by the benchmarks, and kept over the short runs in which the library finds the number of
// iterations. Owned by main(), because OpenVINO must be destroyed before its plugins are unloaded.
struct Loaded {
  Classifier& classifier(Precision precision, int streams) {
    auto& entry = classifiers[{precision, streams}];
    if (!entry) {
      InferenceOptions options;
      options.decoder = std::make_shared<LocalDecoder>(DecodeLimits{});
      options.models_dir = models_dir();
      options.tokenizers_library = OPENVINO_TOKENIZERS_LIBRARY;
      options.streams = static_cast<std::size_t>(streams);
      options.precision = precision;
      entry = make_openvino_classifier(options);
    }
    return *entry;
  }

  std::map<std::pair<Precision, int>, std::unique_ptr<Classifier>> classifiers;
  Classifier* running = nullptr;  // of the current benchmark

  ov::Core core;
  std::string graph_name;
  std::unique_ptr<ov::CompiledModel> graph;  // null: it could not be compiled
  int label_runs = 0;
};

std::vector<std::string> some_labels(int count, const std::string& suffix = "") {
  std::vector<std::string> labels;
  labels.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) labels.push_back("thing " + std::to_string(i) + suffix);
  return labels;
}

std::shared_ptr<const JobSpec> spec_of(const ModelFolder& folder, std::vector<std::string> labels) {
  JobSpec spec;
  spec.type = folder.job_type();
  spec.model = folder.name;
  if (folder.kind == ModelKind::kImageText) spec.custom_labels = std::move(labels);
  return std::make_shared<const JobSpec>(std::move(spec));
}

std::vector<PreparedImage> some_images(const ModelFolder& folder, int count) {
  std::minstd_rand random(1);
  std::vector<PreparedImage> images;
  images.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    PreparedImage image{folder.resize.width, folder.resize.height, {}};
    image.pixels.resize(static_cast<std::size_t>(image.width * image.height) * 3);
    for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(random());
    images.push_back(std::move(image));
  }
  return images;
}

void run_classify(benchmark::State& state, Loaded& loaded, const ModelFolder& folder,
                  Precision precision, int batch, const std::shared_ptr<const JobSpec>& spec) {
  const auto images = some_images(folder, batch);
  if (state.thread_index() == 0) {
    loaded.running = &loaded.classifier(precision, state.threads());
    // The first call with this number of images compiles code for it.
    if (auto ready = loaded.running->classify(images, spec); !ready)
      state.SkipWithError(ready.error().message.c_str());
  }
  for (auto _ : state) {
    if (!loaded.running->classify(images, spec)) state.SkipWithError("it failed");
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

// The speed through the port, with as many callers as streams and `batch` images in each call.
void register_classify(Loaded& loaded, const ModelFolder& folder) {
  const auto spec = spec_of(folder, some_labels(10));
  for (const Precision precision : kPrecisions) {
    if (!has(folder, precision)) continue;
    for (const int streams : kStreams) {
      for (const int batch : kBatches) {
        const std::string name = "classify/" + folder.name + "/" + name_of(precision) +
                                 "/streams:" + std::to_string(streams) +
                                 "/batch:" + std::to_string(batch);
        benchmark::RegisterBenchmark(name.c_str(),
                                     [=, &loaded](benchmark::State& state) {
                                       run_classify(state, loaded, folder, precision, batch, spec);
                                     })
            ->Threads(streams)
            ->UseRealTime()
            ->MeasureProcessCPUTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

// The graph alone, compiled for one batch size, without the conversion of pixels.
std::unique_ptr<ov::CompiledModel> compile(ov::Core& core, const ModelFolder& folder,
                                           Precision precision, int streams, int batch) {
  auto model =
      core.read_model(precision == Precision::kAuto ? folder.int8_graph : folder.image_graph);
  auto shape = model->input(0).get_partial_shape();
  shape[0] = batch;
  model->reshape(shape);
  const auto type = precision == Precision::kFp32 ? ov::element::f32 : ov::element::bf16;
  return std::make_unique<ov::CompiledModel>(
      core.compile_model(model, "CPU", ov::num_streams(ov::streams::Num(streams)),
                         ov::inference_num_threads(streams), ov::hint::inference_precision(type),
                         ov::hint::performance_mode(ov::hint::PerformanceMode::THROUGHPUT)));
}

// Fills the input: new memory may contain denormal numbers, which are slow to compute with.
ov::InferRequest request_of(ov::CompiledModel& compiled) {
  ov::InferRequest request = compiled.create_infer_request();
  ov::Tensor input = request.get_input_tensor(0);
  if (input.get_element_type() == ov::element::f32) {
    std::fill_n(input.data<float>(), input.get_size(), 0.5F);
  } else {
    std::memset(input.data(), 128, input.get_byte_size());
  }
  return request;
}

void run_graph(benchmark::State& state, Loaded& loaded, const std::string& name,
               const ModelFolder& folder, Precision precision, int batch) {
  if (state.thread_index() == 0 && name != loaded.graph_name) {
    loaded.graph_name = name;
    loaded.graph.reset();
    try {
      loaded.graph = compile(loaded.core, folder, precision, state.threads(), batch);
    } catch (const std::exception& exception) {
      std::cerr << name << ": " << exception.what() << "\n";
    }
  }
  ov::InferRequest request;
  for (auto _ : state) {
    // Other threads may use the graph only from here on.
    if (!loaded.graph) {
      state.SkipWithError("the graph does not take this batch");
      break;
    }
    if (!request) request = request_of(*loaded.graph);
    request.infer();
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

// The speed with real batches: one inference for all images of a batch.
void register_graph(Loaded& loaded, const ModelFolder& folder) {
  for (const Precision precision : kPrecisions) {
    if (!has(folder, precision)) continue;
    for (const int streams : kStreams) {
      for (const int batch : kBatches) {
        const std::string name = "graph/" + folder.name + "/" + name_of(precision) +
                                 "/streams:" + std::to_string(streams) +
                                 "/batch:" + std::to_string(batch);
        benchmark::RegisterBenchmark(name.c_str(),
                                     [=, &loaded](benchmark::State& state) {
                                       run_graph(state, loaded, name, folder, precision, batch);
                                     })
            ->Threads(streams)
            ->UseRealTime()
            ->MeasureProcessCPUTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

// One thread that only decodes and classifies the JPEG BENCH_PHOTO. The whole program is compared
// with it.
void register_alone(Loaded& loaded, const ModelFolder& folder,
                    const std::vector<std::byte>& photo) {
  const auto spec = spec_of(folder, some_labels(5));
  for (const Precision precision : kPrecisions) {
    if (!has(folder, precision)) continue;
    const std::string name = "alone/" + folder.name + "/" + name_of(precision);
    benchmark::RegisterBenchmark(
        name.c_str(),
        [=, &loaded, &photo](benchmark::State& state) {
          Classifier& classifier = loaded.classifier(precision, 1);
          const std::size_t batch = classifier.preferred_batch(*spec);
          for (auto _ : state) {
            std::vector<PreparedImage> images;
            while (images.size() < batch) {
              auto image = classifier.prepare(photo, *spec);
              if (!image) {
                state.SkipWithError(image.error().message.c_str());
                return;
              }
              images.push_back(std::move(*image));
            }
            if (!classifier.classify(images, spec)) state.SkipWithError("it failed");
          }
          state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
        })
        ->UseRealTime()
        ->MeasureProcessCPUTime()
        ->Unit(benchmark::kMillisecond);
  }
}

std::vector<std::byte> photo_to_decode() {
  const char* const path = std::getenv("BENCH_PHOTO");
  const std::string text = read_file(path != nullptr ? path : "").value_or("");
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// `embed`: the start of a job with new labels. `labelled`: one of its images afterwards.
void register_labels(Loaded& loaded, const ModelFolder& folder) {
  for (const int count : kLabelCounts) {
    const std::string suffix = folder.name + "/labels:" + std::to_string(count);
    benchmark::RegisterBenchmark(
        ("embed/" + suffix).c_str(),
        [=, &loaded](benchmark::State& state) {
          Classifier& classifier = loaded.classifier(Precision::kAuto, 1);
          std::ignore = classifier.warm_up(spec_of(folder, {"the model and its text graph"}), {});
          for (auto _ : state) {
            const auto spec = spec_of(
                folder, some_labels(count, " of run " + std::to_string(loaded.label_runs++)));
            if (!classifier.warm_up(spec, {})) state.SkipWithError("it failed");
          }
          state.SetItemsProcessed(state.iterations() * count);
        })
        ->UseRealTime()
        ->MeasureProcessCPUTime()
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("labelled/" + suffix).c_str(),
                                 [=, &loaded](benchmark::State& state) {
                                   run_classify(state, loaded, folder, Precision::kAuto, 1,
                                                spec_of(folder, some_labels(count)));
                                 })
        ->UseRealTime()
        ->MeasureProcessCPUTime()
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace
}  // namespace classifier

int main(int argc, char** argv) {
  using namespace classifier;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  spdlog::set_level(spdlog::level::warn);
  Loaded loaded;
  const std::vector<std::byte> photo = photo_to_decode();
  for (const ModelInfo& info : loaded.classifier(Precision::kAuto, 1).models()) {
    const auto folder = read_model_folder(models_dir() / info.name);
    if (!folder) continue;
    register_classify(loaded, *folder);
    register_graph(loaded, *folder);
    if (!photo.empty()) register_alone(loaded, *folder, photo);
    if (folder->kind == ModelKind::kImageText) register_labels(loaded, *folder);
  }
  benchmark::RunSpecifiedBenchmarks();
}
