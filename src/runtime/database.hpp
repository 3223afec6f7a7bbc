// SQLite, as the ledger and the run store use it: one file, one schema, errors as values.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "meshflow/base/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace meshflow::runtime {

inline constexpr int kSchemaVersion = 2;

struct DatabaseOptions {
  bool read_only = false;                                // must exist then; nothing is created or migrated
  std::chrono::milliseconds busy_timeout{5000};          // how long to wait for another process's lock
};

class Database;

// A prepared statement. One thread at a time, under the Database's lock. Must not outlive its Database.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // Parameters count from 1. Text is not copied: it must live until `reset` or the next `run`.
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view value);
  Statement& bind_null(int index);
  // True: a row is there to be read. False: done.
  [[nodiscard]] Result<bool> step();
  // Steps to the end, then resets: for statements without rows.
  [[nodiscard]] Result<void> run();
  void reset() noexcept;

  // Columns count from 0.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::string_view text_view(int column) const;  // until the next step or reset
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] bool is_integer(int column) const;
  [[nodiscard]] bool is_text(int column) const;

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* handle) : database_(&database), handle_(handle) {}
  Database* database_ = nullptr;
  sqlite3_stmt* handle_ = nullptr;
};

// An open transaction, which holds the Database's lock. Rolls back on destruction unless committed.
// A transaction that is begun inside another of the same thread is part of that one.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  // Returns once it is on the device (synchronous=FULL), and lets go of the lock; an inner one leaves that to the outer
  // one.
  [[nodiscard]] Result<void> commit();

 private:
  friend class Database;
  Transaction(Database& database, std::unique_lock<std::recursive_mutex> lock, bool is_outer)
      : database_(&database), lock_(std::move(lock)), is_outer_(is_outer) {}
  Database* database_;
  std::unique_lock<std::recursive_mutex> lock_;
  bool is_outer_;
  bool done_ = false;
};

// A connection in WAL mode with full sync. Thread-safe by its lock: hold it (`lock`, or a Transaction) while a
// Statement is used. The file is created with mode 0600, its folder with 0700. After fork(2) the child must not use it.
class Database {
 public:
  // ":memory:" is a database of its own, gone with the object. Errors: permission_denied (read-only folder or file),
  // conflict (locked by another process), unavailable (disk full), invalid_input (no database), unsupported (a newer
  // schema).
  [[nodiscard]] static Result<std::shared_ptr<Database>> open(const std::string& path, DatabaseOptions options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  [[nodiscard]] Result<void> execute(const char* sql);
  // Takes the lock and the right to write (BEGIN IMMEDIATE), waiting up to the busy timeout.
  [[nodiscard]] Result<Transaction> begin();
  [[nodiscard]] std::unique_lock<std::recursive_mutex> lock() { return std::unique_lock(mutex_); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // Another process may write it too.
  [[nodiscard]] bool is_shared() const noexcept { return path_ != ":memory:"; }
  [[nodiscard]] bool in_transaction() const noexcept { return depth_ > 0; }  // under the lock
  // The calling thread has a Transaction open. Needs no lock.
  [[nodiscard]] bool is_in_own_transaction() const noexcept {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  // The Error of the last failed call, under the lock. `doing`: "append to the ledger".
  [[nodiscard]] Error error(std::string_view doing, int code) const;

 private:
  friend class Transaction;
  explicit Database(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] Result<void> connect(const DatabaseOptions& options);
  [[nodiscard]] Result<void> migrate(bool read_only);
  void leave() noexcept;

  std::string path_;
  sqlite3* handle_ = nullptr;
  std::recursive_mutex mutex_;
  int depth_ = 0;
  std::atomic<std::thread::id> owner_{};  // of the open transaction
  bool must_roll_back_ = false;  // an inner transaction was not committed
};

}  // namespace meshflow::runtime
