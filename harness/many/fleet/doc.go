// Package fleet runs thousands of clients, each with its own connection and
// pipeline, against one TLS server that stalls from time to time, and measures at
// the server what they cost it.
//
// Serve is the server, in a process of its own, on another machine if necessary.
// Run makes one run with one libcurl, or a shard of it: it connects to the server
// like the other shards, and all of them start their clients together. Merge
// combines shards; Table, Write and Picture compare runs.
package fleet
