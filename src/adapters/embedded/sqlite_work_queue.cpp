#include "adapters/embedded/sqlite_work_queue.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "domain/job_rules.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

// How often a receiver looks for messages that other processes sent.
constexpr std::chrono::milliseconds kPoll{200};
constexpr std::chrono::seconds kSearchForDead{1};

// As text "<id>:<receives>". The second number invalidates the receipts of earlier deliveries.
struct Receipt {
  std::int64_t id = 0;
  std::int64_t receives = 0;
};

std::string to_text(Receipt receipt) {
  return std::to_string(receipt.id) + ":" + std::to_string(receipt.receives);
}

std::optional<Receipt> parse_receipt(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto id = parse_integer(text.substr(0, colon));
  const auto receives = parse_integer(text.substr(colon + 1));
  if (!id || !receives) return std::nullopt;
  return Receipt{*id, *receives};
}

std::optional<std::int64_t> find_seq(SqliteConnection& connection, std::string_view job_id) {
  auto& query = connection.prepare("SELECT seq FROM jobs WHERE id = ?");
  query.bind(1, std::string(job_id));
  if (!query.executeStep()) return std::nullopt;
  return query.getColumn(0).getInt64();
}

// The rank of the job's image 0: that of the job's messages in the queue; without any, such that
// the image `first_index` comes next.
std::int64_t rank_base(SqliteConnection& connection, std::int64_t seq, std::int64_t first_index) {
  auto& mine = connection.prepare("SELECT rank - idx FROM queue WHERE job = ? LIMIT 1");
  mine.bind(1, seq);
  if (mine.executeStep()) return mine.getColumn(0).getInt64();
  auto& next = connection.prepare("SELECT rank FROM queue WHERE hidden = 0 ORDER BY rank LIMIT 1");
  return (next.executeStep() ? next.getColumn(0).getInt64() : 0) - first_index;
}

// Runs `sql`, whose last two parameters are id and receives, for each valid receipt. `bind` sets
// the parameters before them and returns their number.
template <class Bind>
void for_receipts(SqliteConnection& connection, const char* sql,
                  std::span<const std::string> receipts, Bind bind) {
  for (const auto& text : receipts) {
    const auto receipt = parse_receipt(text);
    if (!receipt) continue;
    auto& statement = connection.prepare(sql);
    const int used = bind(statement);
    statement.bind(used + 1, receipt->id);
    statement.bind(used + 2, receipt->receives);
    statement.exec();
  }
}

struct Visible {
  std::int64_t id, seq, index, receives;
  int generation, failures, losses;
};

// The messages to deliver next: several, or one whose last receiver died.
std::vector<Visible> choose(SqliteConnection& connection, std::size_t max) {
  std::vector<Visible> chosen;
  auto& query = connection.prepare(
      "SELECT id, job, idx, receives, generation, failures, losses FROM queue WHERE hidden = 0 "
      "ORDER BY rank, id LIMIT ?");
  query.bind(1, static_cast<std::int64_t>(max));
  while (query.executeStep()) {
    const Visible row{query.getColumn(0).getInt64(), query.getColumn(1).getInt64(),
                      query.getColumn(2).getInt64(), query.getColumn(3).getInt64(),
                      query.getColumn(4).getInt(),   query.getColumn(5).getInt(),
                      query.getColumn(6).getInt()};
    if (row.losses > 0 && !chosen.empty()) break;
    chosen.push_back(row);
    if (row.losses > 0) break;
  }
  return chosen;
}

}  // namespace

SqliteWorkQueue::SqliteWorkQueue(SqliteDatabase& database, SpecCache& specs, const Clock& clock,
                                 ProcessLock& process, std::chrono::milliseconds visibility_timeout)
    : database_(database),
      specs_(specs),
      clock_(clock),
      process_(process),
      visibility_timeout_(visibility_timeout) {}

Result<void> SqliteWorkQueue::send(std::span<const ImageTask> tasks) {
  auto sent = database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Result<void> {
    struct Target {
      std::int64_t seq, base;
    };
    std::unordered_map<std::string_view, Target> targets;
    const std::int64_t now = to_ms(clock_.now());
    for (const auto& task : tasks) {
      auto target = targets.find(task.job_id);
      if (target == targets.end()) {
        const auto seq = find_seq(connection, task.job_id);
        if (!seq) return std::unexpected(job_not_found());
        target = targets.emplace(task.job_id, Target{*seq, rank_base(connection, *seq, task.index)})
                     .first;
      }
      auto& insert = connection.prepare(
          "INSERT OR IGNORE INTO queue(job, idx, generation, rank, sent_at) VALUES(?, ?, ?, ?, ?)");
      insert.bind(1, target->second.seq);
      insert.bind(2, task.index);
      insert.bind(3, task.generation);
      insert.bind(4, target->second.base + task.index);
      insert.bind(5, now);
      insert.exec();
    }
    return {};
  });
  if (sent) {
    const std::scoped_lock lock(mutex_);
    ++sends_;
    sent_.notify_all();
  }
  return sent;
}

TimePoint SqliteWorkQueue::latest_end() const {
  return clock_.now() + std::max(visibility_timeout_, kMaxReturnDelay);
}

Result<bool> SqliteWorkQueue::has_visible() {
  return database_.read([&](SqliteConnection& connection) -> Result<bool> {
    auto& query = connection.prepare(
        "SELECT EXISTS(SELECT 1 FROM queue WHERE hidden = 0) OR "
        "EXISTS(SELECT 1 FROM queue WHERE hidden = 1 AND visible_at <= ?) OR "
        "EXISTS(SELECT 1 FROM queue WHERE hidden = 1 AND visible_at > ?)");
    query.bind(1, to_ms(clock_.now()));
    query.bind(2, to_ms(latest_end()));
    query.executeStep();
    return query.getColumn(0).getInt() != 0;
  });
}

Result<std::vector<Delivery>> SqliteWorkQueue::take(std::size_t max) {
  return database_.write(
      Durability::kOrdered, [&](SqliteConnection& connection) -> Result<std::vector<Delivery>> {
        const std::int64_t now = to_ms(clock_.now());
        auto& show = connection.prepare(
            "UPDATE queue SET hidden = 0, owner = NULL WHERE hidden = 1 AND (visible_at <= ? OR "
            "visible_at > ?)");
        show.bind(1, now);
        show.bind(2, to_ms(latest_end()));
        show.exec();
        std::vector<Delivery> deliveries;
        for (const auto& row : choose(connection, max)) {
          auto& hide = connection.prepare(
              "UPDATE queue SET hidden = 1, visible_at = ?, receives = receives + 1, "
              "losses = losses + 1, owner = ? WHERE id = ?");
          hide.bind(1, now + visibility_timeout_.count());
          hide.bind(2, process_.id());
          hide.bind(3, row.id);
          hide.exec();
          auto& image = connection.prepare(
              "SELECT j.id, i.key, i.filename FROM jobs j JOIN images i ON i.job = j.seq "
              "WHERE j.seq = ? AND i.idx = ?");
          image.bind(1, row.seq);
          image.bind(2, row.index);
          if (!image.executeStep()) continue;
          Delivery delivery;
          delivery.task.job_id = image.getColumn(0).getString();
          delivery.task.s3_key = image.getColumn(1).getString();
          delivery.task.filename = filename_of(image.getColumn(2), delivery.task.s3_key);
          delivery.task.index = row.index;
          delivery.task.generation = row.generation;
          delivery.task.spec = specs_.get(connection, row.seq);
          delivery.failures = row.failures;
          delivery.losses = row.losses;
          delivery.receipt = to_text({row.id, row.receives + 1});
          deliveries.push_back(std::move(delivery));
        }
        return deliveries;
      });
}

Result<std::vector<Delivery>> SqliteWorkQueue::receive(std::size_t max,
                                                       std::chrono::milliseconds wait,
                                                       std::stop_token stop) {
  const auto deadline = std::chrono::steady_clock::now() + wait;
  while (true) {
    std::uint64_t seen = 0;
    bool search = false;
    {
      const std::scoped_lock lock(mutex_);
      seen = sends_;
      const auto now = std::chrono::steady_clock::now();
      search = now - last_search_ >= kSearchForDead;
      if (search) last_search_ = now;
    }
    if (search) {
      if (auto given_back = redeliver_from_ended_processes(); !given_back) {
        return std::unexpected(given_back.error());
      }
    }
    const auto visible = has_visible();
    if (!visible) return std::unexpected(visible.error());
    if (*visible) return take(max);
    std::unique_lock lock(mutex_);
    const auto until = std::min(deadline, std::chrono::steady_clock::now() + kPoll);
    sent_.wait_until(lock, stop, until, [&] { return sends_ != seen; });
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) {
      return std::vector<Delivery>{};
    }
  }
}

Result<void> SqliteWorkQueue::redeliver_from_ended_processes() {
  auto owners =
      database_.read([](SqliteConnection& connection) -> Result<std::vector<std::string>> {
        std::vector<std::string> found;
        auto& query = connection.prepare(
            "SELECT DISTINCT owner FROM queue WHERE hidden = 1 AND owner IS NOT NULL");
        while (query.executeStep()) found.push_back(query.getColumn(0).getString());
        return found;
      });
  if (!owners) return std::unexpected(owners.error());
  std::erase_if(*owners, [&](const std::string& owner) { return !process_.is_dead(owner); });
  if (owners->empty()) return {};
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    for (const auto& owner : *owners) {
      auto& update = connection.prepare(
          "UPDATE queue SET hidden = 0, owner = NULL WHERE hidden = 1 AND owner = ?");
      update.bind(1, owner);
      update.exec();
    }
    return {};
  });
}

Result<void> SqliteWorkQueue::extend(std::span<const std::string> receipts) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    const std::int64_t until = to_ms(clock_.now() + visibility_timeout_);
    // What is given back has no owner any more; it must not be hidden again.
    for_receipts(connection,
                 "UPDATE queue SET visible_at = ? WHERE hidden = 1 AND owner IS NOT NULL AND "
                 "id = ? AND receives = ?",
                 receipts, [&](SQLite::Statement& statement) {
                   statement.bind(1, until);
                   return 1;
                 });
    return {};
  });
}

Result<void> SqliteWorkQueue::remove(std::span<const std::string> receipts) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    for_receipts(connection, "DELETE FROM queue WHERE id = ? AND receives = ?", receipts,
                 [](SQLite::Statement&) { return 0; });
    return {};
  });
}

Result<void> SqliteWorkQueue::give_back(std::span<const Delivery> deliveries,
                                        std::chrono::milliseconds delay) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    const std::int64_t until = to_ms(clock_.now() + delay);
    for (const auto& delivery : deliveries) {
      for_receipts(connection,
                   "UPDATE queue SET visible_at = ?, failures = ?, losses = ?, owner = NULL "
                   "WHERE hidden = 1 AND id = ? AND receives = ?",
                   {&delivery.receipt, 1}, [&](SQLite::Statement& statement) {
                     statement.bind(1, until);
                     statement.bind(2, delivery.failures);
                     statement.bind(3, delivery.losses);
                     return 3;
                   });
    }
    return {};
  });
}

Result<void> SqliteWorkQueue::bury(const std::string& receipt, std::string_view reason) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    for_receipts(connection,
                 "INSERT INTO dead_letters(job, idx, reason, receives, buried_at) "
                 "SELECT job, idx, ?, receives, ? FROM queue WHERE id = ? AND receives = ?",
                 {&receipt, 1}, [&](SQLite::Statement& statement) {
                   statement.bind(1, std::string(reason));
                   statement.bind(2, to_ms(clock_.now()));
                   return 2;
                 });
    for_receipts(connection, "DELETE FROM queue WHERE id = ? AND receives = ?", {&receipt, 1},
                 [](SQLite::Statement&) { return 0; });
    return {};
  });
}

Result<std::vector<DeadLetter>> SqliteWorkQueue::dead_letters(std::size_t limit) {
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<DeadLetter>> {
    auto& query = connection.prepare(
        "SELECT d.id, j.id, d.idx, i.key, d.reason, d.receives, d.buried_at FROM dead_letters d "
        "JOIN jobs j ON j.seq = d.job JOIN images i ON i.job = d.job AND i.idx = d.idx "
        "ORDER BY d.id DESC LIMIT ?");
    query.bind(1, static_cast<std::int64_t>(limit));
    std::vector<DeadLetter> letters;
    while (query.executeStep()) {
      letters.push_back({.id = query.getColumn(0).getString(),
                         .job_id = query.getColumn(1).getString(),
                         .index = query.getColumn(2).getInt64(),
                         .s3_key = query.getColumn(3).getString(),
                         .reason = query.getColumn(4).getString(),
                         .receive_count = query.getColumn(5).getInt(),
                         .buried_at = from_ms(query.getColumn(6).getInt64())});
    }
    return letters;
  });
}

Result<void> SqliteWorkQueue::drop_job(std::string_view job_id, int generation) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    const auto seq = find_seq(connection, job_id);
    if (!seq) return {};
    auto& remove =
        connection.prepare("DELETE FROM queue WHERE job = ? AND hidden = 0 AND generation <= ?");
    remove.bind(1, *seq);
    remove.bind(2, generation);
    remove.exec();
    return {};
  });
}

Result<QueueDepth> SqliteWorkQueue::depth() {
  return database_.read([&](SqliteConnection& connection) -> Result<QueueDepth> {
    auto& query = connection.prepare(
        "SELECT (SELECT count(*) FROM queue WHERE hidden = 0), "
        "(SELECT count(*) FROM queue WHERE hidden = 1), (SELECT count(*) FROM dead_letters), "
        "(SELECT sent_at FROM queue WHERE hidden = 0 ORDER BY rank, id LIMIT 1)");
    query.executeStep();
    QueueDepth depth{.visible = query.getColumn(0).getInt64(),
                     .in_flight = query.getColumn(1).getInt64(),
                     .dead = query.getColumn(2).getInt64(),
                     .oldest_age = std::chrono::milliseconds{0}};
    if (!query.getColumn(3).isNull()) {
      const std::int64_t age = to_ms(clock_.now()) - query.getColumn(3).getInt64();
      depth.oldest_age = std::chrono::milliseconds{std::max<std::int64_t>(age, 0)};
    }
    return depth;
  });
}

Result<void> SqliteWorkQueue::ping() {
  if (auto answer = has_visible(); !answer) return std::unexpected(answer.error());
  return {};
}

}  // namespace classifier
