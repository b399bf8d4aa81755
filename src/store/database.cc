// SPDX-License-Identifier: Apache-2.0
#include "store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace shale::store {

namespace {

// A log beyond this is moved into the database at close: reading it is what the next process would spend its
// start on (measured: 1 MiB costs about 0.6 ms).
constexpr off_t kLongLogBytes = 256 << 10;

ErrorKind kind_of(int code) {
  switch (code & 0xff) {  // the primary code of an extended one
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::kBusy;
    case SQLITE_FULL:
      return ErrorKind::kNoSpace;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorKind::kCorrupt;
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return ErrorKind::kPermission;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
      return ErrorKind::kInternal;
    default:
      return ErrorKind::kSystem;
  }
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, const Options& options) {
  sqlite3* handle = nullptr;
  // NOMUTEX: Statement and Transaction hold our own lock, which also covers several calls in a row.
  const int code = ::sqlite3_open_v2(
      path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(handle, path, !options.write_ahead_log));
  if (handle == nullptr)
    return fail(ErrorKind::kSystem, fmt::format("open the database '{}': out of memory", path));
  if (code != SQLITE_OK) return fail(database->error(code, "open"));
  ::sqlite3_extended_result_codes(handle, 1);
  ::sqlite3_busy_timeout(handle, static_cast<int>(options.busy_timeout.count()));
  // The last one out would otherwise sync, delete the log and make the next one create it again.
  ::sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  RETURN_IF_ERROR(database->execute(
      options.write_ahead_log
          ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON"
          : "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON"));
  return database;
}

Database::~Database() { release(); }

void Database::release() {
  for (const auto& [sql, statement] : statements_) ::sqlite3_finalize(statement);
  statements_.clear();
  ::sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

Status Database::close() {
  const std::unique_lock lock(mutex_);
  struct stat info{};
  if (::stat((path_ + "-wal").c_str(), &info) == 0 && info.st_size > kLongLogBytes) {
    ::sqlite3_busy_timeout(handle_, 0);
    // Others reading or writing at the moment: then they, or a later one, will do it.
    (void)::sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  }
  release();
  return {};
}

Error Database::error(int code, std::string_view doing) const {
  // The handle's text is only about the last call: use it when that was the one that failed.
  const bool last = handle_ != nullptr && ::sqlite3_extended_errcode(handle_) == code;
  const char* text = last ? ::sqlite3_errmsg(handle_) : ::sqlite3_errstr(code);
  ErrorKind kind = kind_of(code);
  // Files that SQLite makes and maps have errors of their own for a full disk.
  if (last && kind == ErrorKind::kSystem) {
    if (const int error = ::sqlite3_system_errno(handle_); error == ENOSPC || error == EDQUOT) {
      kind = ErrorKind::kNoSpace;
      text = std::strerror(error);
    }
  }
  Error result(kind, fmt::format("the store's database '{}': {}: {}", path_, doing, text));
  switch (kind) {
    case ErrorKind::kBusy:
      result.add_hint(
          "another shale process keeps the store locked; wait for it, or see who has the file open");
      break;
    case ErrorKind::kCorrupt:
      result.add_hint("the database is damaged; move the store away and let the next build make a new one");
      break;
    case ErrorKind::kNoSpace:
      result.add_hint(
          "free some space on the store's file system, or remove the build cache with 'shale prune'");
      break;
    default:
      break;
  }
  return result;
}

Result<Statement> Database::prepare(std::string_view sql) {
  std::unique_lock lock(mutex_);
  // Taken out while in use, so that a second use of the same text at the same time prepares its own.
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    sqlite3_stmt* const statement = found->second;
    statements_.erase(found);
    return Statement(*this, statement, std::move(lock));
  }
  sqlite3_stmt* statement = nullptr;
  const int code = ::sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fail(error(code, sql));
  return Statement(*this, statement, std::move(lock));
}

Status Database::execute(const char* sql) {
  const std::unique_lock lock(mutex_);
  const int code = ::sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error(code, std::string_view(sql).substr(0, 60)));
  return {};
}

Result<Transaction> Database::begin(Durability durability) {
  std::unique_lock lock(mutex_);
  const bool synced = durability == Durability::kSynced && !always_synced_;
  // Takes effect between transactions only, hence before BEGIN.
  if (synced) RETURN_IF_ERROR(run("PRAGMA synchronous=FULL"));
  if (Status begun = run("BEGIN IMMEDIATE"); !begun) {
    if (synced) (void)run("PRAGMA synchronous=NORMAL");  // the error of BEGIN is the one to report
    return fail(std::move(begun.error()));
  }
  return Transaction(*this, synced, std::move(lock));
}

std::int64_t Database::changed_rows() const { return ::sqlite3_changes64(handle_); }

Transaction::Transaction(Database& database, bool synced, std::unique_lock<std::recursive_mutex> lock)
    : database_(&database), synced_(synced), lock_(std::move(lock)) {}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)),
      synced_(other.synced_),
      lock_(std::move(other.lock_)) {}

Transaction::~Transaction() {
  if (database_ != nullptr) (void)finish("ROLLBACK");  // SQLite may have rolled back by itself already
}

Status Transaction::commit() {
  Status committed = finish("COMMIT");
  if (!committed && database_ != nullptr)
    (void)finish("ROLLBACK");  // the failed COMMIT is the error to report
  return committed;
}

Status Transaction::finish(const char* sql) {
  RETURN_IF_ERROR(database_->run(sql));
  Database* const database = std::exchange(database_, nullptr);
  if (synced_) (void)database->run("PRAGMA synchronous=NORMAL");  // staying at FULL is slower, not wrong
  lock_.unlock();
  return {};
}

Statement::Statement(Database& database, sqlite3_stmt* statement, std::unique_lock<std::recursive_mutex> lock)
    : database_(&database), statement_(statement), lock_(std::move(lock)) {}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      lock_(std::move(other.lock_)),
      next_parameter_(other.next_parameter_),
      bind_error_(other.bind_error_) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  ::sqlite3_reset(statement_);
  ::sqlite3_clear_bindings(statement_);
  const std::string_view sql = ::sqlite3_sql(statement_);
  // The key is the statement's own copy of the text, which lives as long as it does.
  if (!database_->statements_.emplace(sql, statement_).second) ::sqlite3_finalize(statement_);
}

Statement& Statement::bind(std::int64_t value) {
  if (const int code = ::sqlite3_bind_int64(statement_, next_parameter_++, value); code != SQLITE_OK)
    bind_error_ = code;
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  // An empty view may have a null pointer, which SQLite would take for NULL.
  const int code = ::sqlite3_bind_text64(statement_, next_parameter_++, text.empty() ? "" : text.data(),
                                         text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(const Digest& digest) {
  return digest.empty() ? bind(std::string_view()) : bind(std::string_view(digest.hex()));
}

Result<bool> Statement::step() {
  if (bind_error_ != 0) return fail(database_->error(bind_error_, ::sqlite3_sql(statement_)));
  const int code = ::sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(database_->error(code, ::sqlite3_sql(statement_)));
}

Status Statement::run() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, step());
    if (!row) return {};  // PRAGMA may answer with rows nobody asked for
  }
}

std::int64_t Statement::integer(int column) const { return ::sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
  const unsigned char* text = ::sqlite3_column_text(statement_, column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column))};
}

Result<Digest> Statement::digest(int column) const {
  const std::string hex = text(column);
  if (hex.empty()) return Digest();
  return Digest::from_hex(hex);
}

}  // namespace shale::store
