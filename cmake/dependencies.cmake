# Every library the project stands on, all of them Debian packages, and the flags of our own code.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(CURL REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
pkg_check_modules(LWS REQUIRED IMPORTED_TARGET libwebsockets)
pkg_check_modules(SECP REQUIRED IMPORTED_TARGET libsecp256k1)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode)
find_package(absl REQUIRED)  # time zones

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE})
endif()

add_library(sovereign_flags INTERFACE)
target_include_directories(sovereign_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(sovereign_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wswitch-enum -Wimplicit-fallthrough -Werror
  # Designated initialisers leave the rest to the defaults written in the struct, on purpose.
  -Wno-missing-field-initializers -Wno-missing-designated-field-initializers
  # Some packages ask for -pthread and some do not; one precompiled header fits only one answer.
  -fno-omit-frame-pointer -pthread)
target_compile_definitions(sovereign_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
  SPDLOG_FMT_EXTERNAL
  SOVEREIGN_VERSION="${PROJECT_VERSION}"
  $<$<OR:$<CONFIG:Debug>,$<BOOL:${SOVEREIGN_FAILPOINTS}>>:SOVEREIGN_FAILPOINTS>)
target_link_options(sovereign_flags INTERFACE -fuse-ld=lld-19)

foreach(sanitizer IN LISTS SOVEREIGN_SANITIZE)
  target_compile_options(sovereign_flags INTERFACE -fsanitize=${sanitizer})
  target_link_options(sovereign_flags INTERFACE -fsanitize=${sanitizer})
endforeach()
if("undefined" IN_LIST SOVEREIGN_SANITIZE)
  target_compile_options(sovereign_flags INTERFACE -fno-sanitize-recover=undefined)
endif()
if(SOVEREIGN_SANITIZE)
  target_compile_options(sovereign_flags INTERFACE -O1)
endif()
if(SOVEREIGN_FUZZ)
  target_compile_options(sovereign_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
