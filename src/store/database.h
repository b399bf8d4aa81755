// SPDX-License-Identifier: Apache-2.0
// Database: SQLite behind Result: prepared statements, transactions, durability.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "shale/digest.h"

struct sqlite3;
struct sqlite3_stmt;

namespace shale::store {

class Database;

// A prepared statement in use; its end resets it for the next use. Parameters are bound in order, from the
// first.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  // The 64 hex digits; an empty digest is bound as "".
  Statement& bind(const Digest& digest);

  // The next row is there / there is none.
  Result<bool> step();
  // For statements without rows.
  Status run();

  // Columns of the current row, from 0.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  // "" gives the empty digest; anything else that is no digest is kCorrupt.
  [[nodiscard]] Result<Digest> digest(int column) const;

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement, std::unique_lock<std::recursive_mutex> lock);

  Database* database_;
  sqlite3_stmt* statement_;
  std::unique_lock<std::recursive_mutex> lock_;
  int next_parameter_ = 1;
  int bind_error_ = 0;
};

// Undone by its end unless commit() was called. Holds the database for its thread.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  Status commit();

 private:
  friend class Database;
  Transaction(Database& database, bool synced, std::unique_lock<std::recursive_mutex> lock);
  Status finish(const char* sql);

  Database* database_;
  bool synced_;
  std::unique_lock<std::recursive_mutex> lock_;
};

// One connection. May be used from several threads, which take turns; must not live across a clone of the
// process (it holds locks that belong to a process id).
class Database {
 public:
  struct Options {
    std::chrono::milliseconds busy_timeout{10'000};
    bool write_ahead_log = true;  // false on network file systems, whose shared memory is none
  };
  // Opens or creates the file. The schema is the caller's business.
  static Result<std::unique_ptr<Database>> open(const std::string& path, const Options& options);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // `sql` must live as long as the database (a literal): statements are kept and found by it.
  Result<Statement> prepare(std::string_view sql);
  // Any number of statements without parameters and rows; for schemas.
  Status execute(const char* sql);
  // A short-cut for one statement that gives no rows; each argument is bound in turn.
  template <typename... Arguments>
  Status run(std::string_view sql, const Arguments&... arguments) {
    ASSIGN_OR_RETURN(Statement statement, prepare(sql));
    (statement.bind(arguments), ...);
    return statement.run();
  }
  // kNormal survives the death of processes; kSynced also a power cut, once commit() has returned.
  enum class Durability : std::uint8_t { kNormal, kSynced };
  // Takes the write lock at once, waiting up to the busy timeout for other processes.
  Result<Transaction> begin(Durability durability = Durability::kNormal);
  // Of the last statement that changed something.
  [[nodiscard]] std::int64_t changed_rows() const;

  // Moves a long log into the database file, so that the next open need not read it; then closes. The
  // destructor closes without that.
  Status close();

 private:
  friend class Statement;
  friend class Transaction;
  Database(sqlite3* handle, std::string path, bool always_synced)
      : handle_(handle), path_(std::move(path)), always_synced_(always_synced) {}
  [[nodiscard]] Error error(int code, std::string_view doing) const;
  void release();

  sqlite3* handle_;
  std::string path_;
  bool always_synced_;  // without a log, every commit is
  std::recursive_mutex mutex_;
  std::unordered_map<std::string_view, sqlite3_stmt*> statements_;
};

}  // namespace shale::store
