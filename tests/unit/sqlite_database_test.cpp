// Group commit: writes of several threads share a commit, but each is committed or rolled back by
// itself.
#include "adapters/embedded/sqlite_database.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>

#include "support/temp_dir.hpp"

namespace classifier::testing {
namespace {

class SqliteDatabaseTest : public ::testing::Test {
 protected:
  Result<int> write(const std::function<Result<int>(SqliteConnection&)>& work) {
    return database_->write(Durability::kOrdered, work);
  }

  void SetUp() override {
    database_ = SqliteDatabase::open(dir_.path() / "jobs.sqlite").value();
    ASSERT_TRUE(write([](SqliteConnection& connection) -> Result<int> {
      connection.database().exec("CREATE TABLE numbers(n INTEGER PRIMARY KEY)");
      return 0;
    }));
  }

  static void insert(SqliteConnection& connection, int number) {
    auto& statement = connection.prepare("INSERT INTO numbers VALUES(?)");
    statement.bind(1, number);
    statement.exec();
  }

  int count() {
    return database_
        ->read([](SqliteConnection& connection) -> Result<int> {
          return connection.database().execAndGet("SELECT count(*) FROM numbers").getInt();
        })
        .value();
  }

  // Runs `work(i)` on each of `threads` threads, so that all wait for the same commit.
  template <class Work>
  void together(int threads, Work work) {
    std::atomic<int> waiting{0};
    std::vector<std::jthread> running;
    running.emplace_back([&] {
      std::ignore = write([&](SqliteConnection&) -> Result<int> {
        while (waiting < threads) std::this_thread::yield();
        // Gives the last thread time to wait too. Otherwise it would get a commit of its own.
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return 0;
      });
    });
    for (int i = 0; i < threads; ++i) {
      running.emplace_back([&, i] {
        ++waiting;
        work(i);
      });
    }
  }

  TempDir dir_;
  std::unique_ptr<SqliteDatabase> database_;
};

TEST_F(SqliteDatabaseTest, FailedWriteIsRolledBackAlone) {
  together(40, [&](int i) {
    const auto result = write([i](SqliteConnection& connection) -> Result<int> {
      insert(connection, i);
      if (i % 4 == 1) return fail(ErrorCode::kConflict, "not this one");
      return i;
    });
    EXPECT_EQ(result.has_value(), i % 4 != 1);
    EXPECT_EQ(result.value_or(i), i);
  });
  EXPECT_EQ(count(), 30);
}

TEST_F(SqliteDatabaseTest, DatabaseErrorsAffectOnlyTheirWrite) {
  together(20, [&](int i) {
    // Every second write violates the primary key after it has inserted a row, which must be
    // undone.
    const auto result = write([i](SqliteConnection& connection) -> Result<int> {
      insert(connection, 100 + i);
      if (i % 2 == 1) insert(connection, 100 + i);
      return 0;
    });
    EXPECT_EQ(result.has_value(), i % 2 == 0);
  });
  EXPECT_EQ(count(), 10);
}

TEST_F(SqliteDatabaseTest, ExceptionsReachTheirOwnCaller) {
  together(8, [&](int i) {
    const auto call = [&] {
      std::ignore = write([i](SqliteConnection& connection) -> Result<int> {
        insert(connection, i);
        if (i == 3) throw std::runtime_error("a fault");
        return 0;
      });
    };
    if (i == 3) {
      EXPECT_THROW(call(), std::runtime_error);
    } else {
      EXPECT_NO_THROW(call());
    }
  });
  EXPECT_EQ(count(), 7);
}

}  // namespace
}  // namespace classifier::testing
