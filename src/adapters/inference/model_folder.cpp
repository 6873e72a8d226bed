#include "adapters/inference/model_folder.hpp"

#include <openssl/evp.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "adapters/codec/json_text.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uintmax_t kMaxJsonBytes = 1U << 20;
constexpr std::size_t kMaxLabels = 1'000'000;
constexpr int kMaxSide = 4'096;
constexpr std::uintmax_t kMaxGroupsBytes = 16U << 20;
constexpr std::size_t kMaxGroups = 1'000;
constexpr std::size_t kMaxGroupName = 200;  // bytes

// An invalid value in model.json. read_model_folder converts it into an Error.
struct BadModel : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Fields {
 public:
  Fields(const json& object, std::string prefix) : object_(object), prefix_(std::move(prefix)) {
    if (!object_.is_object()) throw BadModel(prefix_ + " must be an object");
  }

  template <class T>
  std::optional<T> get(const char* name, const char* what) const {
    const auto found = object_.find(name);
    if (found == object_.end()) return std::nullopt;
    try {
      return found->get<T>();
    } catch (const json::exception&) {
      throw BadModel(field(name) + " must be " + what);
    }
  }

  template <class T>
  T require(const char* name, const char* what) const {
    auto value = get<T>(name, what);
    if (!value) throw BadModel(field(name) + " is missing: it must be " + what);
    return std::move(*value);
  }

  template <class T>
  T choice(const char* name, std::initializer_list<std::pair<const char*, T>> allowed,
           std::optional<T> fallback = std::nullopt) const {
    const auto text = get<std::string>(name, "a string");
    std::string names;
    for (const auto& [key, value] : allowed) {
      if (text == key) return value;
      names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", key);
    }
    if (!text && fallback) return *fallback;
    throw BadModel(text ? fmt::format("{} must be one of {}, not \"{}\"", field(name), names, *text)
                        : fmt::format("{} must be one of {}", field(name), names));
  }

  Fields object(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) throw BadModel(field(name) + " is missing");
    return {*found, field(name)};
  }

  bool has(const char* name) const { return object_.contains(name); }
  std::string field(const char* name) const {
    return prefix_.empty() ? name : prefix_ + "." + name;
  }

 private:
  const json& object_;
  std::string prefix_;
};

// Whether a name cannot lead out of the folder.
bool is_file_name(const std::string& name) {
  return !name.empty() && name.find_first_of(std::string_view("/\0", 2)) == std::string::npos &&
         !name.starts_with('.');
}

fs::path file_in(const fs::path& folder, const std::string& name, const std::string& field) {
  if (!is_file_name(name)) {
    throw BadModel(fmt::format("{} must be the name of a file in the model's folder, not \"{}\"",
                               field, name));
  }
  if (!fs::is_regular_file(folder / name))
    throw BadModel(fmt::format("{}: there is no file {} in the folder", field, name));
  return folder / name;
}

std::vector<std::string> read_labels(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> labels;
  for (std::string line; std::getline(in, line);) {
    line = trim(line);
    const std::size_t number = labels.size() + 1;
    if (line.empty()) throw BadModel(fmt::format("labels: line {} is empty", number));
    if (!is_utf8(line)) throw BadModel(fmt::format("labels: line {} is not UTF-8", number));
    labels.push_back(std::move(line));
    if (labels.size() > kMaxLabels) throw BadModel("labels: more than 1,000,000 lines");
  }
  if (labels.empty()) throw BadModel("labels: the file is empty");
  return labels;
}

std::array<float, 3> three(const Fields& fields, const char* name, std::array<float, 3> fallback) {
  const auto values = fields.get<std::vector<float>>(name, "three numbers");
  if (!values) return fallback;
  if (values->size() != 3 ||
      !std::ranges::all_of(*values, [](float value) { return std::isfinite(value); }))
    throw BadModel(fields.field(name) + " must be three numbers");
  return {(*values)[0], (*values)[1], (*values)[2]};
}

int side(const Fields& fields, const char* name) {
  const int value = fields.require<int>(name, "a whole number of pixels");
  if (value < 1 || value > kMaxSide) throw BadModel(fields.field(name) + " must be from 1 to 4096");
  return value;
}

void read_image(ModelFolder& model, const Fields& image) {
  model.image_graph =
      file_in(model.path, image.require<std::string>("graph", "a file name"), image.field("graph"));
  if (image.has("int8")) {
    const Fields int8 = image.object("int8");
    model.int8_graph =
        file_in(model.path, int8.require<std::string>("graph", "a file name"), int8.field("graph"));
  }
  model.resize.width = side(image, "width");
  model.resize.height = side(image, "height");
  model.layout = image.choice<const char*>("layout", {{"NCHW", "NCHW"}, {"NHWC", "NHWC"}}, "");
  const int larger = std::max(model.resize.width, model.resize.height);
  model.resize.shortest_side = larger * 256 / 224;
  if (image.has("resize")) {
    const Fields resize = image.object("resize");
    model.resize.shortest_side = side(resize, "shortest_side");
    model.resize.interpolation = resize.choice<Interpolation>(
        "interpolation",
        {{"bilinear", Interpolation::kBilinear}, {"bicubic", Interpolation::kBicubic}},
        Interpolation::kBilinear);
    if (model.resize.shortest_side < larger) {
      throw BadModel(resize.field("shortest_side") + " must not be smaller than the input");
    }
  }
  model.mean = three(image, "mean", model.mean);
  model.std = three(image, "std", model.std);
  for (const float value : model.std) {
    if (!(value > 0) || !std::isfinite(value))
      throw BadModel(image.field("std") + " must be three numbers above 0");
  }
  model.output =
      model.kind == ModelKind::kImageText
          ? image.choice<ModelOutput>("output", {{"embedding", ModelOutput::kEmbedding}},
                                      ModelOutput::kEmbedding)
          : image.choice<ModelOutput>("output", {{"logits", ModelOutput::kLogits},
                                                 {"probabilities", ModelOutput::kProbabilities}});
}

void read_text(ModelFolder& model, const Fields& root) {
  const Fields text = root.object("text");
  model.text_graph =
      file_in(model.path, text.require<std::string>("graph", "a file name"), text.field("graph"));
  model.prompts = text.get<std::vector<std::string>>("prompts", "a list of strings")
                      .value_or(std::vector<std::string>{"a photo of {label}"});
  if (model.prompts.empty()) throw BadModel(text.field("prompts") + " must not be empty");
  for (const auto& prompt : model.prompts) {
    if (prompt.find("{label}") == std::string::npos) {
      throw BadModel(fmt::format("{}: \"{}\" has no {{label}}", text.field("prompts"), prompt));
    }
  }
  model.logit_scale = root.get<float>("logit_scale", "a number").value_or(100.0F);
  if (!(model.logit_scale > 0) || !std::isfinite(model.logit_scale))
    throw BadModel("logit_scale must be above 0");
  model.search_threshold = root.get<float>("search_threshold", "a number from -1 to 1");
  if (model.search_threshold && !(std::abs(*model.search_threshold) <= 1))
    throw BadModel("search_threshold must be a number from -1 to 1");
}

ModelFolder parse(const fs::path& path, const json& document) {
  const Fields root(document, "");
  if (root.require<int>("format", "1") != 1) throw BadModel("format must be 1");
  ModelFolder model;
  model.path = path;
  model.name = path.filename().string();
  model.description = root.get<std::string>("description", "a string").value_or("");
  model.licence = root.get<std::string>("licence", "a string").value_or("");
  model.source = root.get<std::string>("source", "a string").value_or("");
  model.starter = root.get<bool>("starter", "true or false").value_or(false);
  model.kind = root.choice<ModelKind>(
      "kind", {{"classifier", ModelKind::kClassifier}, {"image-text", ModelKind::kImageText}});
  read_image(model, root.object("image"));
  if (model.kind == ModelKind::kClassifier) {
    model.labels =
        read_labels(file_in(path, root.require<std::string>("labels", "a file name"), "labels"));
  } else {
    read_text(model, root);
  }
  return model;
}

Result<json> read_json(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error))
    return fail(ErrorCode::kNotFound, "there is no model.json in it");
  if (fs::file_size(file, error) > kMaxJsonBytes) {
    return fail(ErrorCode::kInvalidArgument, "model.json has more than 1 MiB");
  }
  auto document = parse_json(read_file(file).value_or(""));
  if (!document)
    return fail(ErrorCode::kInvalidArgument, "model.json: " + document.error().message);
  return document;
}

std::string file_sha256(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::vector<char> buffer(1U << 20U);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(in.gcount()));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  return to_hex({digest.data(), size});
}

LabelGroup group_of(const json& value, const std::string& place,
                    std::unordered_set<std::string_view>& waiting) {
  const Fields fields(value, place);
  LabelGroup group;
  group.name = trim(fields.require<std::string>("name", "a string"));
  if (group.name.empty() || group.name.size() > kMaxGroupName || has_control_character(group.name))
    throw BadModel(fields.field("name") + " must have 1 to 200 bytes, without control characters");
  group.labels = fields.require<std::vector<std::string>>("labels", "a list of strings");
  for (const auto& label : group.labels) {
    if (waiting.erase(label) == 0) {
      throw BadModel(fmt::format("{}: \"{}\" is no label of the model, or is in the groups twice",
                                 fields.field("labels"), utf8_prefix(label, kMaxGroupName)));
    }
  }
  return group;
}

std::vector<LabelGroup> parse_groups(const json& document, const std::vector<std::string>& labels) {
  const auto listed =
      Fields(document, "").require<std::vector<json>>("groups", "a list of objects");
  if (listed.empty() || listed.size() > kMaxGroups)
    throw BadModel("groups must have 1 to 1,000 entries");
  std::unordered_set<std::string_view> waiting(labels.begin(), labels.end());
  std::unordered_set<std::string> names;
  std::vector<LabelGroup> groups;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    groups.push_back(group_of(listed[i], fmt::format("groups[{}]", i), waiting));
    if (!names.insert(groups.back().name).second)
      throw BadModel(fmt::format("two groups have the name \"{}\"", groups.back().name));
  }
  std::erase_if(groups, [](const LabelGroup& group) { return group.labels.empty(); });
  return groups;
}

}  // namespace

Result<ModelFolder> read_model_folder(const fs::path& path) {
  const auto document = read_json(path / "model.json");
  if (!document) return std::unexpected(document.error());
  try {
    return parse(path, *document);
  } catch (const BadModel& bad) {
    return fail(ErrorCode::kInvalidArgument, "model.json: " + one_line(bad.what()));
  }
}

std::uint64_t estimated_memory(const ModelFolder& folder) {
  // The weights as OpenVINO arranges them, and what it works in.
  constexpr std::uint64_t kWork = 64 << 20;
  std::uint64_t weights = 0;
  for (const fs::path& graph : {folder.image_graph, folder.text_graph}) {
    std::error_code none;
    const auto size = fs::file_size(fs::path(graph).replace_extension(".bin"), none);
    if (!none) weights += size;
  }
  return weights + weights / 4 + kWork;
}

std::string fingerprint_of(const ModelFolder& folder, const fs::path& file,
                           std::string_view precision) {
  // To be raised whenever decoding, resizing, or what is kept of an image changes.
  constexpr int kSeeing = 1;
  const auto document = read_json(folder.path / "model.json");
  const json empty = json::object();
  const json& root = document ? *document : empty;
  json graph = json::array();
  for (const fs::path& part : {file, fs::path(file).replace_extension(".bin")}) {
    std::error_code error;
    if (!fs::is_regular_file(part, error)) continue;
    const auto sum = text_field(json_field(root, "sha256"), part.filename().c_str());
    graph.push_back(sum.empty() ? file_sha256(part) : sum);
  }
  const json parts = {
      {"seeing", kSeeing},
      {"graph", std::move(graph)},
      {"exporter", json_field(root, "exporter")},
      {"precision", precision},
      {"kind", folder.kind},
      {"output", folder.output},
      {"layout", folder.layout},
      {"size", {folder.resize.width, folder.resize.height, folder.resize.shortest_side}},
      {"interpolation", folder.resize.interpolation},
      {"mean", folder.mean},
      {"std", folder.std},
  };
  return sha256_hex(parts.dump());
}

Result<std::vector<LabelGroup>> read_label_groups(const ModelFolder& folder) {
  const auto document = read_json(folder.path / "model.json");
  if (!document) return std::unexpected(document.error());
  if (!document->is_object() || !document->contains("groups"))
    return fail(ErrorCode::kNotFound, "model.json names no groups");
  std::string name = "model.json";
  try {
    const auto given = Fields(*document, "").require<std::string>("groups", "a file name");
    const fs::path file = file_in(folder.path, given, "groups");
    name = given;
    std::error_code error;
    if (fs::file_size(file, error) > kMaxGroupsBytes) throw BadModel("it has more than 16 MiB");
    const auto text = read_file(file);
    if (!text) throw BadModel("it cannot be read");
    const json& sum = json_field(json_field(*document, "sha256"), given.c_str());
    if (!sum.is_null() && sum != json(sha256_hex(*text)))
      throw BadModel("its SHA-256 is not the one in model.json");
    const auto content = parse_json(*text);
    if (!content) throw BadModel(content.error().message);
    return parse_groups(*content, folder.labels);
  } catch (const BadModel& bad) {
    return fail(ErrorCode::kInvalidArgument, one_line(name + ": " + bad.what()));
  }
}

Result<void> verify_model_files(const ModelFolder& folder) {
  const auto document = read_json(folder.path / "model.json");
  if (!document) return std::unexpected(document.error());
  const auto sums = document->find("sha256");
  if (sums == document->end() || !sums->is_object()) return {};
  for (const auto& [name, sum] : sums->items()) {
    if (name == text_field(*document, "groups")) continue;  // read_label_groups looks at it
    if (!is_file_name(name) || sum != json(file_sha256(folder.path / name))) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is not the file that model.json names (its SHA-256 differs): "
                              "export the model again",
                              one_line(name)));
    }
  }
  return {};
}

}  // namespace classifier
