// Package fleet runs thousands of clients, each with a connection and a
// pipeline of its own, against one TLS server that stalls now and then, and
// measures at the server what they cost it.
//
// Run makes one run with one libcurl: it starts the server ([Serve]) and the
// clients, each in processes of their own. Table, Write and Picture show runs
// beside each other.
package fleet
