// Runs a fuzz target without libFuzzer: on all seeds, and on pseudo-random mutations of them, the
// same in each run. Finds less than libFuzzer, but takes seconds and works with any compiler.
#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz.hpp"

namespace {

namespace fs = std::filesystem;

std::string current;  // the current input

void run(std::string input) {
  current = std::move(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

void keep_input(int) {
  std::ofstream("replay-failure", std::ios::binary) << current;
  std::cerr << "the input is in the file replay-failure\n";
  std::_Exit(1);
}

std::vector<std::string> read_seeds(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<std::string> seeds;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return seeds;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& seeds) : seeds_(seeds) {}

  std::string next() {
    std::string input = seeds_[below(seeds_.size())];
    for (std::size_t steps = 1 + below(4); steps > 0; --steps) change(input);
    return input;
  }

 private:
  // Not a std::uniform_int_distribution, whose numbers depend on the standard library.
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }

  void change(std::string& input) {
    static constexpr std::string_view kBytes("\0\xFF\x7F\x80\"\\/.%&=;:,\r\n \t{}[]<>0-", 26);
    const std::size_t at = below(input.size() + 1);
    const std::size_t size = below(std::min<std::size_t>(input.size() - at, 16) + 1);
    switch (below(6)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1U << below(8)));
        break;
      case 1:
        input.insert(at, 1, kBytes[below(kBytes.size())]);
        break;
      case 2:
        if (at < input.size()) input[at] = kBytes[below(kBytes.size())];
        break;
      case 3:
        input.erase(at, size);
        break;
      case 4:
        input.insert(at, input.substr(at, size));
        break;
      default: {
        const std::string& other = seeds_[below(seeds_.size())];
        input.insert(at, other.substr(below(other.size()), 1 + below(32)));
      }
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937 random_{1};
};

}  // namespace

int main(int argc, char** argv) {
  std::size_t mutations = 0;
  if (argc == 3) std::from_chars(argv[2], argv[2] + std::string_view(argv[2]).size(), mutations);
  const std::vector<std::string> seeds =
      argc == 3 ? read_seeds(argv[1]) : std::vector<std::string>{};
  if (seeds.empty()) {
    std::cerr << "usage: " << argv[0] << " FOLDER_OF_SEEDS MUTATIONS\n";
    return 2;
  }
  std::signal(SIGABRT, keep_input);
  std::signal(SIGSEGV, keep_input);
  for (const auto& seed : seeds) run(seed);
  Mutator mutator(seeds);
  for (std::size_t i = 0; i < mutations; ++i) run(mutator.next());
  std::cout << seeds.size() << " seeds and " << mutations << " mutations\n";
}
