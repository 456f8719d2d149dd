package main

import (
	"time"

	"github.com/containerd/containerd/api/events"
	eventtypes "github.com/containerd/containerd/events"
	"github.com/containerd/typeurl"
)

// again is how long to wait for an event before it is published once more.
const again = 100 * time.Millisecond

// listener holds a subscription to the events of a session.
type listener struct {
	session *session
	beacon  *session
	events  <-chan *eventtypes.Envelope
	errors  <-chan error
}

// listen returns when the subscription is live.
func listen(s *session) (*listener, error) {
	beacon := s.in("-beacon")
	l := &listener{session: s, beacon: beacon}
	l.events, l.errors = s.client.Subscribe(s.ctx, "namespace=="+s.namespace, "namespace=="+beacon.namespace)
	_, err := l.until("/begin")
	return l, err
}

// heard returns what has been published in the session's namespace, decoded.
func (l *listener) heard() ([]interface{}, error) {
	envelopes, err := l.until("/end")
	told := []interface{}{}
	for _, envelope := range envelopes {
		if envelope.Namespace != l.session.namespace {
			continue
		}
		event, err := typeurl.UnmarshalAny(envelope.Event)
		if err != nil {
			return nil, err
		}
		told = append(told, []interface{}{envelope.Topic, event})
	}
	return told, err
}

// until returns what comes before an event of this topic, which it publishes until it sees it.
func (l *listener) until(topic string) ([]*eventtypes.Envelope, error) {
	envelopes := []*eventtypes.Envelope{}
	for {
		if err := l.beacon.client.EventService().Publish(l.beacon.ctx, topic, &events.TaskOOM{ContainerID: "x"}); err != nil {
			return nil, err
		}
		for waiting := true; waiting; {
			select {
			case envelope := <-l.events:
				if envelope.Topic == topic {
					return envelopes, nil
				}
				envelopes = append(envelopes, envelope)
			case err := <-l.errors:
				return nil, err
			case <-time.After(again):
				waiting = false
			}
		}
	}
}
