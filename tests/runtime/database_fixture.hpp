// A folder of a test's own with a database in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "runtime/database.hpp"

namespace meshflow::runtime {

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "meshflow-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ + "/runs.db"; }
  [[nodiscard]] std::shared_ptr<Database> open(DatabaseOptions options = {}) const {
    auto opened = Database::open(path(), options);
    EXPECT_TRUE(opened) << opened.error().text();
    return opened ? *opened : nullptr;
  }
  // What somebody else's program would do to the file.
  void attack(const char* sql) const {
    const auto done = open()->execute(sql);
    ASSERT_TRUE(done) << done.error().text();
  }

  std::string folder_;
};

}  // namespace meshflow::runtime
