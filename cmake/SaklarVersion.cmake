# SPDX-License-Identifier: Apache-2.0
# generated/saklar_build.h: version, build id and the hash of everything in vswitch/abi, by which
# daemon and engine know whether they understand each other.
find_package(Git QUIET)
set(SAKLAR_BUILD "${PROJECT_VERSION}")
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${CMAKE_SOURCE_DIR} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(commit)
    string(APPEND SAKLAR_BUILD "-g${commit}")
  endif()
endif()

file(GLOB abi_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/vswitch/abi/*.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${abi_headers})
set(abi_text "")
foreach(header IN LISTS abi_headers)
  file(SHA256 ${header} hash)
  string(APPEND abi_text ${hash})
endforeach()
string(SHA256 abi_hash "${abi_text}")
string(SUBSTRING ${abi_hash} 0 16 SAKLAR_ABI_HASH)
configure_file(${CMAKE_SOURCE_DIR}/cmake/saklar_build.h.in
  ${CMAKE_BINARY_DIR}/generated/saklar_build.h @ONLY)
