// Package docker_test holds the image, the compose file and the workflows of
// the hosted CI to what they are for.
package docker_test
