#include "runtime/database.hpp"

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.hpp"
#include "base/random.hpp"
#include "base/try.hpp"
#include "runtime/database_schema.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::string_view kInMemory = ":memory:";

ErrorCode code_of(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorCode::conflict;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return ErrorCode::permission_denied;
    case SQLITE_FULL: return ErrorCode::unavailable;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return ErrorCode::invalid_input;
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return ErrorCode::limit_exceeded;
    default: return ErrorCode::io;
  }
}

tl::unexpected<Error> cannot_create(const std::string& path, int failure) {
  const bool forbidden = failure == EACCES || failure == EROFS || failure == EPERM || failure == ELOOP;
  return fail(forbidden           ? ErrorCode::permission_denied
              : failure == ENOSPC ? ErrorCode::unavailable
                                  : ErrorCode::io,
              fmt::format("cannot open {}: {}", path, std::generic_category().message(failure)),
              "the data directory must be writable; --data or MESHFLOW_DATA names another");
}

// Makes the file with mode 0600 before SQLite would with another; its -wal and -shm files take the same mode.
Result<void> create_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return cannot_create(path, errno);
  ::close(fd);
  return {};
}

// The bytes of a database in WAL mode with the tables and nothing in them.
Result<std::string> empty_database() {
  sqlite3* handle = nullptr;
  int code = sqlite3_open(std::string(kInMemory).c_str(), &handle);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> closing(handle, sqlite3_close);
  if (code == SQLITE_OK) code = sqlite3_exec(handle, kSchema, nullptr, nullptr, nullptr);
  sqlite3_int64 size = 0;
  unsigned char* const image = code == SQLITE_OK ? sqlite3_serialize(handle, "main", &size, 0) : nullptr;
  if (image == nullptr)
    return fail(ErrorCode::internal, fmt::format("cannot make the tables: {}", sqlite3_errstr(code)));
  std::string bytes(reinterpret_cast<const char*>(image), static_cast<std::size_t>(size));
  sqlite3_free(image);
  // SQLite's "Database File Format", 1.3.3: the versions that may write and read it; 2 is WAL.
  bytes[18] = bytes[19] = 2;
  return bytes;
}

// Makes the whole database with one sync, where SQLite takes seven for the same. It comes under its name whole, or not
// at all; where another process was faster, its file stays. The name itself is on the disk before the first entry is:
// SQLite syncs the folder when it begins the -wal file. False: it has to be made in the usual way.
Result<bool> create_whole(const std::string& path) {
  MESHFLOW_TRY(const auto bytes, empty_database());
  const std::string fresh = fmt::format("{}.{:016x}.new", path, random_u64());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return cannot_create(path, errno);
  const bool is_written =
      ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) && ::fsync(fd) == 0;
  ::close(fd);
  const bool is_there = is_written && (::link(fresh.c_str(), path.c_str()) == 0 || errno == EEXIST);
  ::unlink(fresh.c_str());
  return is_there;  // not: no space left, or a file system without links
}

Result<void> create(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) MESHFLOW_CHECK(system_files().create_directories(folder.string()));
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 && errno == ENOENT) {
    MESHFLOW_TRY(const bool is_there, create_whole(path));
    if (is_there) return {};
  }
  return create_file(path);
}

}  // namespace

// --- Statement
// --------------------------------------------------------------------------------------------------------

Statement::Statement(Statement&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)), handle_(std::exchange(other.handle_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(handle_);
    database_ = std::exchange(other.database_, nullptr);
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(handle_, index, value);
  return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
  // A null pointer would bind NULL, not the empty text.
  sqlite3_bind_text64(handle_, index, value.data() == nullptr ? "" : value.data(), value.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_null(int index) {
  sqlite3_bind_null(handle_, index);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = database_->error(sqlite3_stmt_readonly(handle_) != 0 ? "read" : "write", code);
  reset();
  return tl::unexpected(std::move(error));
}

Result<void> Statement::run() {
  while (true) {
    MESHFLOW_TRY(const bool has_row, step());
    if (!has_row) break;
  }
  reset();
  return {};
}

void Statement::reset() noexcept { sqlite3_reset(handle_); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }
std::string Statement::text(int column) const { return std::string(text_view(column)); }
std::string_view Statement::text_view(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}
bool Statement::is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
bool Statement::is_integer(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_INTEGER; }
bool Statement::is_text(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_TEXT; }

// --- Transaction
// ------------------------------------------------------------------------------------------------------

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)),
      lock_(std::move(other.lock_)),
      is_outer_(other.is_outer_),
      done_(std::exchange(other.done_, true)) {}

Transaction::~Transaction() {
  if (done_ || database_ == nullptr) return;
  database_->leave();
  if (!is_outer_) {
    database_->must_roll_back_ = true;
    return;
  }
  database_->must_roll_back_ = false;
  // SQLite may have rolled back by itself (disk full); then this is an error that changes nothing.
  (void)sqlite3_exec(database_->handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> Transaction::commit() {
  if (!is_outer_) {
    done_ = true;
    database_->leave();
    lock_.unlock();
    return {};
  }
  if (database_->must_roll_back_)
    return fail(ErrorCode::internal, "a part of the transaction was given up, so it cannot be committed");
  MESHFLOW_CHECK(database_->execute("COMMIT"));
  done_ = true;
  database_->leave();
  lock_.unlock();
  return {};
}

// --- Database
// ---------------------------------------------------------------------------------------------------------

Result<std::shared_ptr<Database>> Database::open(const std::string& path, DatabaseOptions options) {
  std::shared_ptr<Database> database(new Database(path));
  if (database->is_shared() && !options.read_only) MESHFLOW_CHECK(create(path));
  MESHFLOW_CHECK(database->connect(options));
  MESHFLOW_CHECK(database->migrate(options.read_only));
  return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Result<void> Database::connect(const DatabaseOptions& options) {
  const int access = options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  // NOMUTEX: mutex_ is the lock.
  const int code = sqlite3_open_v2(path_.c_str(), &handle_, access | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    if (options.read_only && !system_files().exists(path_)) {
      return fail(ErrorCode::not_found, fmt::format("{} does not exist", path_), "nothing has been recorded there yet");
    }
    return tl::unexpected(error("open", code));
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, static_cast<int>(options.busy_timeout.count()));
  if (options.read_only) return {};
  if (is_shared()) {
    MESHFLOW_CHECK(execute("PRAGMA journal_mode = WAL"));
    return execute("PRAGMA synchronous = FULL");
  }
  // Gone with the process in any case: no journal beyond what a rollback needs.
  return execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF");
}

Result<void> Database::migrate(bool read_only) {
  const auto version = [this]() -> Result<std::int64_t> {
    MESHFLOW_TRY(auto statement, prepare("PRAGMA user_version"));
    MESHFLOW_CHECK(statement.step());
    return statement.integer(0);
  };
  MESHFLOW_TRY(auto found, version());
  if (found == 0 && !read_only) {
    // Another process may be doing the same: look again under the right to write.
    MESHFLOW_TRY(auto transaction, begin());
    MESHFLOW_TRY(found, version());
    if (found == 0) {
      MESHFLOW_CHECK(execute(kSchema));
      found = kSchemaVersion;
    }
    MESHFLOW_CHECK(transaction.commit());
  }
  if (found > 0 && found < kSchemaVersion) {
    if (read_only) {  // of an older version: raised by a connection that may write
      MESHFLOW_CHECK(Database::open(path_));
    } else {
      MESHFLOW_TRY(auto transaction, begin());
      MESHFLOW_TRY(found, version());  // another process may have done the same
      for (; found < kSchemaVersion; ++found) {
        MESHFLOW_CHECK(execute(kMigrations.at(static_cast<std::size_t>(found) - 1)));
      }
      MESHFLOW_CHECK(transaction.commit());
    }
    MESHFLOW_TRY(found, version());
  }
  if (found == kSchemaVersion) return {};
  if (found == 0)
    return fail(ErrorCode::not_found, fmt::format("{} holds no runs", path_), "nothing has been recorded there yet");
  return fail(
      ErrorCode::unsupported,
      fmt::format("{} has schema version {}, which is newer than this program's ({})", path_, found, kSchemaVersion),
      "use the version of MeshFlow that wrote it, or a newer one");
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &handle, nullptr);
  if (code != SQLITE_OK) return tl::unexpected(error("read", code));
  return Statement(*this, handle);
}

Result<void> Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return tl::unexpected(error("write", code));
  return {};
}

Result<Transaction> Database::begin() {
  std::unique_lock held(mutex_);
  const bool is_outer = depth_ == 0;
  if (is_outer) {
    must_roll_back_ = false;
    MESHFLOW_CHECK(execute("BEGIN IMMEDIATE"));
  }
  ++depth_;
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  return Transaction(*this, std::move(held), is_outer);
}

// A transaction, inner or outer, is over.
void Database::leave() noexcept {
  if (--depth_ == 0) owner_.store(std::thread::id(), std::memory_order_relaxed);
}

Error Database::error(std::string_view doing, int code) const {
  Error error{code_of(code), {}, std::nullopt, {}};
  switch (error.code) {
    case ErrorCode::conflict:
      error.message = fmt::format("cannot {} {}: another process holds its lock", doing, path_);
      error.hint = "try again when the other process is done";
      return error;
    case ErrorCode::permission_denied: error.hint = "the data directory and its files must be writable"; break;
    case ErrorCode::unavailable: error.hint = "free space on the disk; nothing of this write was kept"; break;
    case ErrorCode::invalid_input: error.hint = "the file is damaged, or no database"; break;
    default: break;
  }
  // The connection's own text tells more, but not before there is a connection.
  const char* text =
      handle_ != nullptr && sqlite3_errcode(handle_) != SQLITE_OK ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  error.message = fmt::format("cannot {} {}: {}", doing, path_, text);
  return error;
}

}  // namespace meshflow::runtime
