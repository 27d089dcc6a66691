package main

import (
	"testing"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain/subjecttest"
)

func TestSubject(t *testing.T) { subjecttest.TestSubject(t, plan.DriverSocket, carryOut) }
